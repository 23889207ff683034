"""`python -m fer_models.probe MODEL --data DIR`: find the contract of a foreign model.

With `--write` the contract is written next to the model, so that every other command can load it.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from datasets.base.commands import run

Option = typer.Option


def main(
    model: Annotated[str, typer.Argument(help="A .keras, .h5, .tflite or .onnx file.")],
    data: Annotated[Path, Option(help="Labelled faces: csv, archive or folder.")],
    votes: Annotated[
        Path | None, Option(help="FER+ votes, if they are not beside the data.")
    ] = None,
    faces: Annotated[int, Option(min=50, help="Number of faces, balanced over classes.")] = 400,
    write: Annotated[bool, Option("--write", help="Write the contract next to the model.")] = False,
) -> None:
    """Find the input scaling, class order and kind of output of a model from labelled faces."""
    from fer_models.backend import quiet_backend

    quiet_backend()
    from datasets.read import load
    from fer_models.foreign.chosen_output import emotions_of
    from fer_models.foreign.contract_file import contract_path, known_contract, write_contract
    from fer_models.foreign.formats import open_model
    from fer_models.foreign.probe_faces import probe_on

    known = known_contract(model)
    raw = emotions_of(open_model(model), known)
    found, lines = probe_on(raw, load(data, None, votes=votes), faces, known, _tell)
    print("\n".join(lines))
    if write:
        path = contract_path(model)
        write_contract(found.file, path)
        print(f"  contract  {path}")


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    run(main, prog="python -m fer_models.probe")
