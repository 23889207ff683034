"""`python -m reports.figures RUN --figure scatter --format pdf --width 3.3in`: charts for a paper.

Writes the chart in light colours at the width of a column and prints the files, the chart's
finding and how to read it. `--figure list` lists the charts of a run. Needs no TensorFlow; PDF
needs the extra `paper`.
"""

import math
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from datasets.base.commands import run
from datasets.base.errors import InputError
from reports.paper.file_formats import FigureFormat

LIST = "list"
_INCHES = {"in": 1.0, "cm": 1 / 2.54, "mm": 1 / 25.4, "pt": 1 / 72.27}


def main(
    run_folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder that `python -m evaluation.run` wrote.")
    ],
    figure: Annotated[
        str, typer.Option(help="Name of a chart, such as scatter; list: show the names.")
    ] = LIST,
    format_: Annotated[FigureFormat, typer.Option("--format", help="Form of the file.")] = (
        FigureFormat.PDF
    ),
    width: Annotated[
        str, typer.Option(metavar="SIZE", help="Width of the figure, in in, cm, mm or pt.")
    ] = "3.3in",
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the files are written.")] = (
        Path(".")
    ),
) -> None:
    """Write a chart of a finished run's report as PDF or SVG, or list the charts."""
    inches = _inches(width)
    from reports.paper.figures import READABLE, charts_in, figure_named, write_figures

    if figure == LIST:
        for drawn in charts_in(run_folder):
            print(f"{drawn.chart.name}: {drawn.chart.title}")
        return
    drawn = figure_named(run_folder, figure)
    out.mkdir(parents=True, exist_ok=True)
    paths, smallest = write_figures(drawn, format_, inches, out)
    for path in paths:
        print(path)
    print(f"\n{drawn.chart.title}.\n\n{drawn.chart.caption}")
    if smallest < READABLE - 0.05:
        needed = math.ceil(10 * inches * READABLE / smallest) / 10
        print(
            f"{figure}: the smallest letters have {smallest:.1f} pt at this width; {READABLE} pt "
            f"from --width {needed:.1f}in on.",
            file=sys.stderr,
        )


def _inches(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)\s*(in|cm|mm|pt)", text.strip())
    inches = float(found[1]) * _INCHES[found[2]] if found else 0.0
    if not 0.5 <= inches <= 40:
        raise InputError(
            f"--width must be a size from 0.5in to 40in in in, cm, mm or pt; got {text!r}."
        )
    return inches


if __name__ == "__main__":
    run(main, prog="python -m reports.figures")
