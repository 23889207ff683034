"""Render a run again: `python -m reports.build RUN` writes index.html and report.md into it.

Needs no TensorFlow.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from datasets.base.commands import run


def main(
    run_folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder that `python -m evaluation.run` wrote.")
    ],
) -> None:
    """Render the report of a finished run again, from its files alone."""
    from reports.page import write_report

    print(write_report(run_folder, lambda name: print(f"drawing {name}", file=sys.stderr)))


if __name__ == "__main__":
    run(main, prog="python -m reports.build")
