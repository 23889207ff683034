"""`python -m fer_models.probe MODEL --data DIR`: find the contract of a foreign model.

With `--write` the contract is written next to the model, so that every other command can load it.
"""

from pathlib import Path
from typing import Annotated

import typer

from datasets.base.commands import run

Option = typer.Option


def main(
    model: Annotated[str, typer.Argument(help="A .keras, .h5, .tflite or .onnx file.")],
    data: Annotated[Path, Option(help="Labelled faces: csv, archive or folder.")],
    votes: Annotated[
        Path | None, Option(help="File of FER+ votes, if not next to the data.")
    ] = None,
    faces: Annotated[int, Option(min=50, help="Number of faces, balanced over classes.")] = 400,
    write: Annotated[bool, Option("--write", help="Write the contract next to the model.")] = False,
) -> None:
    """Find the input scaling, class order and kind of output of a model from labelled faces."""
    from fer_models.backend import start_backend

    start_backend()
    from datasets.read import load
    from fer_models.foreign.contract_file import write_contract
    from fer_models.foreign.contract_probe import probe_on
    from fer_models.foreign.formats import open_model

    found, lines = probe_on(open_model(model), load(data, None, votes=votes), faces)
    print("\n".join(lines))
    if write:
        path = Path(f"{model}.contract.json")
        write_contract(found.file, path)
        print(f"  contract  {path}")


if __name__ == "__main__":
    run(main, prog="python -m fer_models.probe")
