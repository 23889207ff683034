"""`python -m datasets.export DATA --out DIR` or `--csv FILE`: csv to image folders, or back.

Pixels, labels, votes, splits and row order are preserved. The `Image name` column of the votes is
generated anew, since nothing reads it.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.base.commands import run
from datasets.base.options import as_command
from datasets.data_options import DataOptions

if TYPE_CHECKING:
    import numpy as np

    from datasets.source import Source

_STEP = 512


@dataclass(frozen=True, kw_only=True)
class ExportRequest(DataOptions):
    """Which faces are written, and where."""

    data: Annotated[str | Path, typer.Argument(help="Csv, archive, list or folder of faces.")]
    out: Annotated[
        Path | None, typer.Option(help="Write DIR/<split>/<class>/<row>.png.", metavar="DIR")
    ] = None
    csv: Annotated[
        Path | None, typer.Option(help="Write FILE in the format of fer2013.csv.", metavar="FILE")
    ] = None


def main(request: ExportRequest) -> None:
    """Write faces as image folders (--out) or a csv (--csv), with their FER+ votes next to them."""
    from datasets.base.errors import InputError
    from faces.labelled import open_faces

    if (request.out is None) == (request.csv is None):
        raise InputError("expected either --out DIR or --csv FILE; give one of them.")
    target = Path(request.out or request.csv or "")
    export = export_folders if request.out is not None else export_csv
    source = open_faces(request)
    try:
        count = export(source, target)
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error}.") from error
    print(f"wrote {count:,} faces to {target}")


def export_folders(source: "Source", out: Path) -> int:
    """Write `out/<split>/<class>/<row id>.png`, and any votes to `out/fer2013new.csv`, or nothing.

    Faces of a data set with votes of its own and no labels are labelled by the majority rule, as
    evaluations label them; those without a label are left out, which is printed.

    Returns:
        Number of faces written.

    Raises:
        InputError: no face has a label, the folder is not empty, or there are votes and the row ids
            have gaps.
    """
    from datasets.archives import VOTES_NAME
    from datasets.base.atomic import UNFINISHED, atomic_contents
    from datasets.base.errors import InputError
    from datasets.base.progress import bar
    from datasets.ferplus import write_votes
    from datasets.folders import write_folders
    from datasets.labels import FER7, FERPLUS8, NO_LABEL

    votes = _ferplus_votes(source) if source.tagged else None
    if source.fer is None and source.votes is not None and votes is None:  # one label per face
        scheme, labels = FERPLUS8, _majority_labels(source)
    else:
        scheme, labels = FER7, _fer_labels(source)
    if out.exists() and (not out.is_dir() or {path.name for path in out.iterdir()} - {UNFINISHED}):
        raise InputError(f"{out}: expected a new or empty folder, found files in it. Name another.")
    if votes is not None and source.row_ids.tolist() != list(range(len(labels))):
        raise InputError(
            f"{source.path}: expected rows 0 to {len(labels) - 1}, as votes are joined by row; "
            "some are missing. Export to --csv first, which renumbers the rows."
        )
    with atomic_contents(out) as unfinished, bar(f"writing {out}") as advance:
        for split in source.splits:
            rows = ((source.split_of == split) & (labels != NO_LABEL)).nonzero()[0]
            for start in range(0, len(rows), _STEP):
                part = rows[start : start + _STEP]
                ids = source.row_ids[part]
                write_folders(source.images[part], labels[part], scheme, ids, split, unfinished)
                advance(int(part[-1]), len(labels))
        if votes is not None:
            write_votes(votes, source.split_of, unfinished / VOTES_NAME)
    return int((labels != NO_LABEL).sum())


def export_csv(source: "Source", path: Path) -> int:
    """Write faces in the format of fer2013.csv, and any votes to `fer2013new.csv` next to it.

    Returns:
        Number of faces written.

    Raises:
        InputError: no FER labels, faces other than 48x48 grey, a file that exists already, or the
            name reserved for the votes.
    """
    from datasets.archives import VOTES_NAME
    from datasets.base.errors import InputError
    from datasets.base.progress import bar
    from datasets.fer2013 import SIDE, write_csv
    from datasets.ferplus import write_votes

    fer = _fer_labels(source)
    if source.images.shape[1:] != (SIDE, SIDE, 1):
        height, width, channels = source.images.shape[1:]
        raise InputError(
            f"{source.path}: expected 48x48 grey faces for a csv, found {height}x{width} with "
            f"{channels} channels."
        )
    votes_path = path.with_name(VOTES_NAME)
    if path.name == VOTES_NAME:
        raise InputError(
            f"{path}: this name is reserved for the votes. Use another, such as fer2013.csv."
        )
    for file in (path, *([] if source.votes is None else [votes_path])):
        if file.exists():
            raise InputError(f"{file}: already exists and is not overwritten. Name another folder.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with bar(f"writing {path.name}") as advance:
        write_csv(path, source.images, fer, source.split_of, advance)
    votes = _ferplus_votes(source)
    if votes is not None:
        write_votes(votes, source.split_of, votes_path)
    return len(fer)


def _ferplus_votes(source: "Source") -> "np.ndarray | None":
    """The votes of FER+; those of other data have no file of that form, which is said."""
    if source.votes is None or not source.own_labels:
        return source.votes
    print(
        f"{source.path}: votes are not written; the exported faces have their labels only",
        file=sys.stderr,
    )
    return None


def _majority_labels(source: "Source") -> "np.ndarray":
    """FER+ labels (N,) of votes, `NO_LABEL` for faces that the majority rule drops, if not all."""
    from datasets.base.errors import InputError
    from datasets.labels import NO_LABEL
    from datasets.votes import VoteRule, vote_labels

    assert source.votes is not None
    labels = vote_labels(source.votes, VoteRule.MAJORITY).values
    dropped = int((labels == NO_LABEL).sum())
    if dropped == len(labels):
        raise InputError(
            f"{source.path}: expected faces with a label, found none: no emotion has more than "
            "half of the votes that remain without single ones. Add a column of labels."
        )
    if dropped:
        print(
            f"{source.path}: {dropped:,} faces without a majority for an emotion are left out",
            file=sys.stderr,
        )
    return labels


def _fer_labels(source: "Source") -> "np.ndarray":
    from datasets.base.errors import InputError

    if source.fer is None:
        raise InputError(f"{source.path}: expected FER labels to export, found FER+ labels only.")
    return source.fer


if __name__ == "__main__":
    run(as_command(ExportRequest, main), prog="python -m datasets.export")
