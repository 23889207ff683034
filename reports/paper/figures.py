"""Charts of the report as PDF or SVG files of a given width, on paper: light colours, fonts inside.

A chart has a wide drawing and a narrow one, or only one. The widest that keeps letters readable at
the width asked for is scaled to it as a whole. In a PDF letters stay text in an embedded font; in
an SVG they are outlines, so that it looks the same everywhere.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.text import Text

from datasets.base.atomic import atomic
from datasets.base.errors import InputError
from reports.charts.drawing import Chart, figures_kept
from reports.charts.svg import STYLE
from reports.contents import parts
from reports.paper.file_formats import FigureFormat
from reports.paper.sections import opened

READABLE = 8
"""Smallest size of letters, in points, that is readable in print."""

_POINTS = 72
"""Points per inch, and pixels of a drawing per inch before it is scaled."""


class DrawnChart(NamedTuple):
    """A chart and the drawings of each of its panels.

    Attributes:
        chart: the chart.
        panels: of each panel its figures, 72 pixels per inch.
    """

    chart: Chart
    panels: list[list[Figure]]


def charts_in(folder: Path) -> Iterator[DrawnChart]:
    """Draw the charts of a run's report, in reading order, each when it is asked for.

    Raises:
        InputError: a file of the run is missing or has another schema.
    """
    with opened(folder) as (run, top):
        for part in parts(run, top):
            with figures_kept() as kept:
                made = part.make()
            yield from _charts(made, kept)


def _charts(made: object, kept: Mapping[str, Figure]) -> Iterator[DrawnChart]:
    if isinstance(made, Chart):
        yield DrawnChart(made, [[kept[svg] for svg in panel.svgs] for panel in made.panels])
    elif isinstance(made, list):
        for one in made:
            yield from _charts(one, kept)


def figure_named(folder: Path, name: str) -> DrawnChart:
    """Draw one chart.

    Raises:
        InputError: no chart has this name.
    """
    names = []
    for drawn in charts_in(folder):
        if drawn.chart.name == name:
            return drawn
        names.append(drawn.chart.name)
    raise InputError(f"--figure must be one of {', '.join(names) or 'none'}; got {name!r}.")


def write_figures(
    drawn: DrawnChart, form: FigureFormat, inches: float, folder: Path
) -> tuple[list[Path], float]:
    """Write the panels of a chart, `NAME.pdf`, or `NAME-1.pdf` and so on for several.

    Args:
        drawn: the chart.
        form: of the files.
        inches: width.
        folder: exists.

    Returns:
        The files, and the size of the smallest letters in points.
    """
    paths, smallest = [], float("inf")
    for place, figures in enumerate(drawn.panels, 1):
        figure = _chosen(figures, inches)
        suffix = f"-{place}" if len(drawn.panels) > 1 else ""
        path = folder / f"{drawn.chart.name}{suffix}.{form}"
        with atomic(path) as unfinished:
            unfinished.write_bytes(_file(figure, form, inches))
        paths.append(path)
        smallest = min(smallest, letters(figure, inches))
    return paths, smallest


def letters(figure: Figure, inches: float) -> float:
    """Size of the smallest letters of a drawing at a width, in points."""
    sizes = [
        float(text.get_fontsize())
        for text in figure.findobj(Text)
        if isinstance(text, Text) and text.get_visible() and text.get_text().strip()
    ]
    return min(sizes, default=READABLE) * inches / figure.get_size_inches()[0]


def _chosen(figures: Sequence[Figure], inches: float) -> Figure:
    """The widest drawing with readable letters, else the narrowest."""
    by_width = sorted(figures, key=lambda figure: float(figure.get_size_inches()[0]))
    readable = [figure for figure in by_width if letters(figure, inches) >= READABLE]
    return readable[-1] if readable else by_width[0]


def _file(figure: Figure, form: FigureFormat, inches: float) -> bytes:
    stream = io.BytesIO()
    if form is FigureFormat.SVG:
        with mpl.rc_context({**STYLE, "svg.fonttype": "path"}):
            figure.savefig(stream, format="svg", metadata=dict.fromkeys(("Date", "Creator")))
        return _resized_svg(stream.getvalue().decode(), figure, inches).encode()
    with mpl.rc_context({**STYLE, "pdf.fonttype": 42}):
        nothing = dict.fromkeys(("CreationDate", "Creator", "Producer"))
        figure.savefig(stream, format="pdf", metadata=nothing)
    return _resized_pdf(stream, inches)


def _resized_svg(svg: str, figure: Figure, inches: float) -> str:
    width, height = figure.get_size_inches()
    start, end = svg.index("<svg"), svg.index(">", svg.index("<svg"))
    element = svg[start:end]
    for name, size in (("width", inches), ("height", inches * height / width)):
        before, _, rest = element.partition(f' {name}="')
        element = f'{before} {name}="{size:.4g}in"{rest.partition(chr(34))[2]}'
    return svg[:start] + element + svg[end:]


def _resized_pdf(stream: io.BytesIO, inches: float) -> bytes:
    try:
        from pypdf import PdfWriter
    except ImportError as error:
        raise InputError(
            'a PDF needs pypdf: pip install -e ".[paper]", or pass --format svg.'
        ) from error
    writer, resized = PdfWriter(clone_from=stream), io.BytesIO()
    page = writer.pages[0]
    page.scale_by(inches * _POINTS / float(page.mediabox.width))
    writer.write(resized)
    return resized.getvalue()
