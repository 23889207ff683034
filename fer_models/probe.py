"""`python -m fer_models.probe MODEL`: find the contract of a foreign model on labelled faces.

With `--write` the contract is written next to the model, so that every other command can load it.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.base.commands import DATA_DEFAULT, run

if TYPE_CHECKING:
    from fer_models.classifier import Classifier

Option = typer.Option


def main(
    model: Annotated[
        str, typer.Argument(help="Path of a model, module:name, or a service's NAME.http.toml.")
    ],
    data: Annotated[
        str | None, Option(metavar="PATH", help=f"Labelled faces. {DATA_DEFAULT}")
    ] = None,
    votes: Annotated[
        Path | None, Option(help="FER+ votes, if they are not beside the data.")
    ] = None,
    faces: Annotated[int, Option(min=50, help="Number of faces, balanced over classes.")] = 400,
    write: Annotated[bool, Option("--write", help="Write the contract next to the model.")] = False,
) -> None:
    """Find the input scaling, class order and kind of output of a model from labelled faces."""
    from fer_models.foreign.names import files_sha256

    files_sha256(model)  # a missing file or module, before anything heavy is imported
    from fer_models.backend import quiet_backend

    quiet_backend()
    from datasets.default_data import data_or_default
    from datasets.read import load
    from fer_models import zoo
    from fer_models.foreign.chosen_output import emotions_of
    from fer_models.foreign.contract_file import contract_path, known_contract, write_contract
    from fer_models.foreign.formats import open_model
    from fer_models.foreign.probe_faces import probe_on

    known = known_contract(model)
    raw = emotions_of(open_model(model), known)
    given = load(data_or_default(data), None, votes=votes)
    found, lines = probe_on(raw, given, faces, known, _tell)
    classifier = zoo.load(model, found.file, given.images)
    print("\n".join([*lines, f"  attacks   {_attacked(classifier)}"]))
    if write:
        path = contract_path(model)
        write_contract(found.file, path)
        print(f"  contract  {path}")


def _attacked(classifier: "Classifier") -> str:
    """Whether attacks have gradients of a model, and why not."""
    from fer_models.classifier import DifferentiableClassifier

    if isinstance(classifier, DifferentiableClassifier):
        return "white box, with its gradients"
    why = classifier.no_gradients or "models of its kind give no gradients"
    return f"black box: {why}"


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    run(main, prog="python -m fer_models.probe")
