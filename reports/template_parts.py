"""What every page shares: the environment of its templates, with their filters."""

import re
from pathlib import Path

import jinja2
from markupsafe import Markup

from reports.charts.drawing import Chart

TEMPLATES = Path(__file__).parent / "templates"


def template_environment() -> jinja2.Environment:
    """Templates of `reports/templates/`; a name that is not filled in is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["sentence"] = _sentence
    environment.filters["small_interval"] = _small_interval
    environment.filters["code_spans"] = _code_spans
    environment.filters["breakable"] = _breakable
    environment.filters["whole_intervals"] = _whole_intervals
    return environment


def svgs(chart: Chart) -> list[tuple[str, list[Markup]]]:
    """Headings and SVG elements of a chart, whose text is already escaped."""
    return [(panel.heading, [Markup(svg) for svg in panel.svgs]) for panel in chart.panels]


def _sentence(text: str) -> str:
    """Write a message with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('. ')}." if text else ""


def _small_interval(cell: str) -> Markup:
    """A cell whose interval in brackets is smaller, under its figure."""
    figure, _, rest = cell.partition(" (")
    if not rest.endswith(")") or "\N{EN DASH}" not in rest:
        return Markup.escape(cell)
    return Markup("{}<small>{}</small>").format(figure, rest.removesuffix(")"))


def _breakable(name: str) -> Markup:
    """A model's id that may be continued on another line between its words, not inside them.

    An eps, such as 0.5/255, stays whole.
    """
    words = re.split(r"(?<=[_:+])|(?<=/)(?=\D)|(?=\.\D)", name)
    return Markup("<wbr>").join(words)


def _whole_intervals(text: str) -> str:
    """A text in which no line ends inside an interval, such as `32-41` with an en dash."""
    dash = "\N{EN DASH}"
    return text.replace(dash, f"\u2060{dash}\u2060")


def _code_spans(text: str) -> Markup:
    """Turn what is between backticks into `<code>`."""
    parts = text.split("`")
    marked = [
        Markup("<code>{}</code>").format(part) if place % 2 else part
        for place, part in enumerate(parts)
    ]
    return Markup().join(marked)
