"""Render a run again: `python -m reports.build RUN` writes RUN/index.html. No TensorFlow."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from datasets.commands import run

PAGE = "index.html"


def build(run_folder: Path, progress: Callable[[str], None] = lambda _: None) -> Path:
    """Write `index.html` into a run folder, atomically.

    Args:
        run_folder: written by `python -m evaluation.run`.
        progress: called with the name of each section before it is drawn.

    Returns:
        Path of the page.

    Raises:
        InputError: a file of the run is missing or has another schema.
    """
    from reports.load import Run
    from reports.page import render

    page = render(Run.read(run_folder), progress)
    unfinished = run_folder / f".{PAGE}"
    unfinished.write_text(page, encoding="utf-8", newline="\n")
    os.replace(unfinished, run_folder / PAGE)
    return run_folder / PAGE


def main(
    run_folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder that `python -m evaluation.run` wrote.")
    ],
) -> None:
    """Render the report of a finished run again, from its files alone."""
    print(build(run_folder, lambda name: print(f"drawing {name}", file=sys.stderr)))


if __name__ == "__main__":
    run(main, prog="python -m reports.build")
