"""`python -m fer_models.probe MODEL`: find the contract of a foreign model on labelled faces.

With `--write` the contract is written next to the model, so that every other command can load it.
"""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.base.options import as_command
from datasets.data_options import DataOptions

if TYPE_CHECKING:
    from fer_models.classifier import Classifier

Option = typer.Option


@dataclass(frozen=True, kw_only=True)
class ProbeRequest(DataOptions):
    """Which model is probed, on which faces."""

    model: Annotated[
        str, typer.Argument(help="Path of a model, module:name, or a service's NAME.http.toml.")
    ]
    faces: Annotated[int, Option(min=50, help="Number of faces, balanced over classes.")] = 400
    write: Annotated[bool, Option("--write", help="Write the contract next to the model.")] = False


def main(request: ProbeRequest) -> None:
    """Find the input scaling, class order and kind of output of a model from labelled faces."""
    model = request.model
    from fer_models.foreign.names import contract_path, files_sha256, find_contract

    files_sha256(model)  # a missing file or module, before anything heavy is imported
    path = find_contract(model) or contract_path(model)
    if request.write and path.suffix == ".toml":
        raise InputError(
            f"{path}: --write writes JSON, and a model has one contract. Save this one as "
            f"{contract_path(model).name}, then probe again."
        )
    from fer_models.backend import quiet_backend

    quiet_backend()
    from faces.labelled import open_faces
    from fer_models import zoo
    from fer_models.foreign.chosen_output import emotions_of
    from fer_models.foreign.contract_file import known_contract, write_contract
    from fer_models.foreign.formats import open_model
    from fer_models.foreign.probe_faces import probe_on

    known = known_contract(model)
    raw = emotions_of(open_model(model), known)
    source = open_faces(request)
    given = source.faces(source.default_split)
    found, lines = probe_on(raw, given, request.faces, known, _tell)
    classifier = zoo.load(model, found.file, given.images)
    print("\n".join([*lines, f"  attacks   {_attacked(classifier)}"]))
    if request.write:
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
    run(as_command(ProbeRequest, main), prog="python -m fer_models.probe")
