"""`python -m datasets.inspect DATA`: describe a data source in tables and charts."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.base.commands import run
from datasets.base.options import as_command
from datasets.base.percentages import in_percent
from datasets.data_options import DataOptions

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from datasets.labels import LabelScheme
    from datasets.source import Source


_NAMES = {"fer": "FER", "ferplus": "FER+"}


@dataclass(frozen=True, kw_only=True)
class InspectRequest(DataOptions):
    """Which faces are described, and where the charts are written."""

    data: Annotated[
        str | Path | None,
        typer.Argument(
            help="Csv, archive, list or folder of faces, or `sample` "
            "(default: $DEADPAN_DATA, ./data, the sample)."
        ),
    ] = None
    out: Annotated[Path | None, typer.Option(help="Folder for the charts (default: inspect).")] = (
        None
    )


def main(request: InspectRequest) -> None:
    """Print and draw class counts, agreement of FER and FER+, duplicates, and sample faces."""
    from rich.console import Console

    from datasets.base.writable import default_folder
    from faces.labelled import open_faces

    source = open_faces(request)
    out = request.out or default_folder(Path("inspect"))
    console = Console()
    counts = class_counts(source)
    names = _NAMES | source.faces(source.splits[0]).label_names
    for scheme, table in counts.items():
        console.print(_table(f"faces per class, {names[scheme.name]}", table))
    if source.votes is not None and source.tagged:
        console.print(_table("faces kept by each FER+ rule", kept_counts(source)))
    if source.fer is not None and source.votes is not None:
        title = f"{names['fer']} labels confirmed by {names['ferplus']}, %"
        console.print(_table(title, agreement_table(source)))
    console.print(
        _table("duplicate (pixel-identical) and constant images", duplicate_counts(source))
    )
    written = _draw(source, counts, names, out)
    near = near_duplicates(source)
    if near is not None:
        for split in source.splits[1:]:
            count = near.loc[near["split"] == split, "row"].nunique()
            console.print(
                f"{split}: {count:,} faces have a near duplicate in Training: the same photograph, "
                "also in another crop or encoding",
                soft_wrap=True,
                highlight=False,
            )
        near.to_csv(out / "near_duplicates.csv", index=False)
        written.append(out / "near_duplicates.csv")
    for path in written:
        console.print(f"wrote {path}", soft_wrap=True, highlight=False)


def class_counts(source: "Source") -> "dict[LabelScheme, pd.DataFrame]":
    """Count faces per class (rows) and split (columns) under each label set; FER+ by majority."""
    import numpy as np
    import pandas as pd

    counts: dict[LabelScheme, pd.DataFrame] = {}
    for split in source.splits:
        faces = source.faces(split)
        for label_set in faces.label_sets:
            labels = faces.labels(label_set)
            scheme = labels.scheme
            table = counts.setdefault(scheme, pd.DataFrame(index=list(scheme.classes)))
            present = labels.values[labels.present]
            table[str(split)] = np.bincount(present, minlength=scheme.num_classes)
    return counts


def kept_counts(source: "Source") -> "pd.DataFrame":
    """Count the faces kept by each FER+ rule (rows) in each split (columns)."""
    import numpy as np
    import pandas as pd

    from datasets.votes import TieRule, VoteRule, vote_labels

    votes = np.asarray(source.votes)
    rules = [(str(rule), rule, TieRule.FIRST) for rule in VoteRule]
    rules.append(("argmax, ties dropped", VoteRule.ARGMAX, TieRule.DROP))
    table = pd.DataFrame(index=["all rows", *(name for name, _, _ in rules)])
    for split in source.splits:
        rows = votes[source.split_of == split]
        kept = [int(vote_labels(rows, rule, tie).present.sum()) for _, rule, tie in rules]
        table[str(split)] = [len(rows), *kept]
    return table


def agreement_table(source: "Source") -> "pd.DataFrame":
    """Share of FER labels confirmed by FER+, for each class and overall, per split."""
    import pandas as pd

    from datasets.agreement import measure_agreement
    from datasets.labels import FER7, LabelSet

    table = pd.DataFrame(index=[*FER7.classes, "all", "Cohen's kappa", "n"])
    for split in source.splits:
        faces = source.faces(split)
        found = measure_agreement(faces.labels(LabelSet.FER), faces.labels(LabelSet.FERPLUS))
        shares = [in_percent(value, 1) for value in (*found.survival, found.share)]
        table[str(split)] = [*shares, f"{found.kappa:.3f}", f"{found.n:,}"]
    return table


def duplicate_counts(source: "Source") -> "pd.DataFrame":
    """Count images with duplicates, those also in Training, constant images, and groups.

    Labels are FER's, else those of the majority of votes.
    """
    import pandas as pd

    from datasets.duplicates import find_duplicates
    from datasets.faceset import Split
    from datasets.votes import VoteRule, vote_labels

    labels = source.fer
    if labels is None and source.votes is not None:
        labels = vote_labels(source.votes, VoteRule.MAJORITY).values
    found = find_duplicates(source.images, labels)
    table = pd.DataFrame(
        index=[
            "images with a duplicate",
            "with a duplicate in Training",
            "with a duplicate of another label",
            "of one colour only",
            "groups of duplicates",
            "groups with conflicting labels",
        ]
    )
    for split in source.splits:
        rows = source.split_of == split
        leaked = source.faces(split).leaked
        table[str(split)] = [
            int((found.group[rows] >= 0).sum()),
            "" if leaked is None or split is Split.TRAINING else int(leaked.sum()),
            int(found.conflicting[rows].sum()),
            int(found.constant[rows].sum()),
            "",
            "",
        ]
    table["all"] = [
        int((found.group >= 0).sum()),
        "",
        int(found.conflicting.sum()),
        int(found.constant.sum()),
        found.num_groups,
        found.num_conflicting_groups,
    ]
    return table


def near_duplicates(source: "Source") -> "pd.DataFrame | None":
    """List the faces of other splits whose photograph Training holds too; None without Training.

    Returns:
        One row per pair: split, row, row in Training, correlation, mirrored, and their files if the
        faces are files.
    """
    import numpy as np
    import pandas as pd

    from datasets.faceset import Split
    from datasets.near_duplicates import near_pairs

    if Split.TRAINING not in source.splits or len(source.splits) == 1:
        return None
    training = np.flatnonzero(source.split_of == Split.TRAINING)
    tables = []
    for split in source.splits[1:]:
        rows = np.flatnonzero(source.split_of == split)
        pairs = near_pairs(source.images[rows], source.images[training])
        row, other = rows[pairs.row], training[pairs.other]
        found = {
            "split": str(split),
            "row": source.row_ids[row],
            "training_row": source.row_ids[other],
            "correlation": pairs.correlation.round(4),
            "mirrored": pairs.mirrored,
        }
        if source.files is not None:
            found |= {"file": source.files[row], "training_file": source.files[other]}
        tables.append(pd.DataFrame(found))
    return pd.concat(tables, ignore_index=True)


def _table(title: str, frame: "pd.DataFrame") -> "Table":
    from rich.table import Table

    table = Table("", title=title, title_justify="left")
    for column in frame.columns:
        table.add_column(column, justify="right")
    for name, *cells in frame.itertuples():
        table.add_row(name, *(cell if isinstance(cell, str) else f"{cell:,}" for cell in cells))
    return table


def _draw(
    source: "Source", counts: "dict[LabelScheme, pd.DataFrame]", names: dict[str, str], out: Path
) -> list[Path]:
    from datasets.agreement import measure_agreement
    from datasets.base.errors import InputError
    from datasets.charts import plot_agreement, plot_class_counts, plot_faces, save_figure
    from datasets.labels import FER7, Labels
    from datasets.votes import VoteRule, vote_labels

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{out}: cannot make this folder: {error}. Choose another --out."
        ) from error
    written = []
    if any(table.to_numpy().any() for table in counts.values()):  # no face may have a label
        written += save_figure(plot_class_counts(counts, names), out / "class_counts")
    if source.fer is not None and source.votes is not None:
        agreement = measure_agreement(
            Labels(FER7, source.fer), vote_labels(source.votes, VoteRule.MAJORITY)
        )
        if agreement.n:
            written += save_figure(plot_agreement(agreement, names), out / "agreement")
    faces = source.faces(source.splits[0])
    for label_set in faces.label_sets:
        labels = faces.labels(label_set)
        title = f"{faces.split} faces with their {names[label_set]} labels"
        written += save_figure(
            plot_faces(faces.images, labels.values, labels.scheme, title),
            out / f"faces_{labels.scheme.name}",
        )
    return written


if __name__ == "__main__":
    run(as_command(InspectRequest, main), prog="python -m datasets.inspect")
