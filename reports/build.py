"""Render a run again: `python -m reports.build RUN` writes index.html and report.md into it.

The same for a folder of `python -m evaluation.video`, which has a page only. Needs no TensorFlow.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from datasets.base.commands import run


def main(
    run_folder: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="Folder of `evaluation.run` or `evaluation.video`."),
    ],
) -> None:
    """Render the report of a finished run again, from its files alone."""
    from evaluation.results.reading import is_reading
    from reports.page import write_report
    from reports.readings.page import write_page

    if is_reading(run_folder):
        print(write_page(run_folder))
        return
    print(write_report(run_folder, lambda name: print(f"drawing {name}", file=sys.stderr)))


if __name__ == "__main__":
    run(main, prog="python -m reports.build")
