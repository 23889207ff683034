"""`python -m evaluation.cards --all --out FILE.csv`: measure classifiers on a split.

The csv has the columns of `evaluation/figures/models.py`. `--write` puts PublicTest figures and
the cost of a forward pass into the cards of shipped classifiers. `--format model-index` measures
nothing: it prints the block of a model card of Hugging Face, from a run or a shipped card.
"""

import sys
import traceback
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.base.atomic import atomic
from datasets.base.commands import DATA_DEFAULT, run
from datasets.base.errors import InputError
from datasets.base.machine_errors import is_of_machine
from datasets.base.writable import check_file

if TYPE_CHECKING:
    from datasets.faceset import FaceSet
    from evaluation.figures.models import ModelFigures

Option = typer.Option


class CardFormat(StrEnum):
    """What is printed."""

    TABLE = "table"
    MODEL_INDEX = "model-index"


def main(
    data: Annotated[
        Path | None,
        Option(metavar="PATH", help=f"FER2013 as csv, archive or folder. {DATA_DEFAULT}"),
    ] = None,
    everything: Annotated[bool, Option("--all", help="Every shipped classifier.")] = False,
    models: Annotated[
        str, Option(metavar="A,B", help="Or ids, training folders and model files.")
    ] = "",
    votes: Annotated[
        Path | None, Option(help="FER+ votes, if they are not beside the data.")
    ] = None,
    split: Annotated[
        str | None,
        Option(
            help="Training, PublicTest, PrivateTest, Test or Sample. Default: the first of "
            "PublicTest, Test and Sample that the data have."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        Option(help="Write the table to this .csv, a model-index to this .md or .yaml."),
    ] = None,
    format: Annotated[
        str,
        Option(help="table, or model-index: the YAML of a model card of Hugging Face."),
    ] = "table",
    run_folder: Annotated[
        Path | None,
        Option("--run", metavar="FOLDER", help="Take the figures of a model-index from this run."),
    ] = None,
    write: Annotated[
        bool, Option("--write", help="Write the figures into the shipped cards (PublicTest only).")
    ] = False,
) -> int:
    """Measure accuracy, macro F1 and multiply-adds of classifiers, each under its own labels."""
    from datasets.base.options import parse_choice

    if parse_choice(CardFormat, format, "--format") is CardFormat.MODEL_INDEX:
        if data or everything or votes or write or split:
            raise InputError(
                "--format model-index measures nothing: it takes --models, --run and --out only."
            )
        return _model_index(models, run_folder, out)
    if run_folder:
        raise InputError(f"--run needs --format model-index; got --run {run_folder} alone.")
    if everything == bool(models):
        raise InputError("give either --all or --models LIST.")
    from datasets.faceset import Split
    from fer_models.zoo import model_ids, resolve

    wanted = resolve(models or "all")
    asked_split = parse_choice(Split, split, "--split") if split else None
    if write:
        asked_split = asked_split or Split.PUBLIC_TEST
        _check_write(asked_split, wanted, model_ids())
    check_file(out, ".csv")
    from datasets.default_data import data_or_default
    from datasets.read import load
    from fer_models.backend import quiet_backend

    faces = load(data_or_default(data), asked_split, votes=votes)
    quiet_backend()
    rows: list[ModelFigures] = []
    failed = []
    for number, model in enumerate(wanted, 1):
        where = f"on {faces.name}, {faces.split}"
        print(f"{model}: {number} of {len(wanted)}, {where}", file=sys.stderr, flush=True)
        try:
            rows += _measure(model, faces, write)
        except InputError as error:
            failed.append(model)
            print(f"{model} failed: {' '.join(str(error).split())}", file=sys.stderr)
        except Exception as error:  # whatever a foreign model raises, the others are still measured
            if is_of_machine(error):
                raise
            failed.append(model)
            traceback.print_exc()
            print(f"{model} failed: {type(error).__name__}: {error}", file=sys.stderr)
    _finish(rows, out)
    return 1 if failed else 0


def _model_index(models: str, folder: Path | None, out: Path | None) -> int:
    """Print or write the model-index of one model, from a run or from its shipped card."""
    check_file(out, ".md", ".yaml")
    from evaluation.results.run import FinishedRun
    from evaluation.tracking.model_index import index_of_card, index_of_run, require_hub
    from fer_models.zoo import card_of, model_ids

    require_hub()
    if folder:
        finished = FinishedRun(folder)
        model = models or (finished.models[0] if len(finished.models) == 1 else "")
        if not model:
            raise InputError(
                f"--format model-index is of one model; got {len(finished.models)} in {folder}. "
                f"Name one with --models: {', '.join(finished.models)}."
            )
        text = index_of_run(finished, model)
    elif models in model_ids():
        text = index_of_card(card_of(models)[0])
    else:
        raise InputError(
            f"--format model-index takes --run FOLDER or one shipped classifier; got {models!r}. "
            "`python -m fer_models.list` lists them."
        )
    if out:
        with atomic(out) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
        print(f"model-index: {out}")
    else:
        print(text, end="")
    return 0


def _check_write(split: str, wanted: list[str], shipped: list[str]) -> None:
    """Refuse to write anything but figures of shipped models on PublicTest into cards."""
    if split != "PublicTest":
        raise InputError(f"--write takes PublicTest only; got {split}. Leave --write out.")
    if others := [model for model in wanted if model not in shipped]:
        raise InputError(f"--write: {others[0]} has no card in the package. Leave it out.")


def _measure(model: str, faces: "FaceSet", write: bool) -> list["ModelFigures"]:
    import keras

    from evaluation.figures.models import model_figures
    from fer_models.zoo import load

    classifier = load(model)
    rows = model_figures(model, classifier, faces)
    if write:
        _write_card(model, rows)
    keras.backend.clear_session()
    return rows


def _write_card(model: str, rows: list["ModelFigures"]) -> None:
    from evaluation.image_time import milliseconds_per_image
    from fer_models.cards import CARDS, Measured, SubsetFigures, weight_files, write_card
    from fer_models.zoo import card_of

    if len(rows) != 2:
        raise InputError("--write needs Training in the data, to leave leaked faces out.")
    card, _ = card_of(model)
    subsets = [
        SubsetFigures(**{field: getattr(row, field) for field in SubsetFigures.model_fields})
        for row in rows
    ]
    measured = Measured(
        all=subsets[0],
        without_leaks=subsets[1],
        multiply_adds=rows[0].multiply_adds,
        file_bytes=sum(path.stat().st_size for path in weight_files(card)),
        milliseconds=milliseconds_per_image(model),
    )
    write_card(card.model_copy(update={"measured": measured}), CARDS / f"{model}.json")


def _finish(rows: list["ModelFigures"], out: Path | None) -> None:
    """Print the table and write it if asked. A table without figures is not written."""
    import pandas as pd

    from evaluation.figures.models import FIGURE_COLUMNS
    from evaluation.results.files import write_table

    frame = pd.DataFrame(rows, columns=list(FIGURE_COLUMNS))
    shown = frame.assign(
        **{name: 100 * frame[name] for name in ("accuracy", "ci_low", "ci_high", "macro_f1")}
    )
    counts = ["not counted" if row.multiply_adds is None else row.multiply_adds for row in rows]
    shown = shown.assign(multiply_adds=counts)
    if not rows:
        return
    print(shown.to_string(index=False, float_format="%.2f"))
    if out:
        write_table(frame, FIGURE_COLUMNS, out)
        print(f"table: {out}")


if __name__ == "__main__":
    run(main, prog="python -m evaluation.cards")
