"""Names of lines on a chart instead of a legend box: right of the axes, or in a list below.

Names right of the axes are at the heights of the lines' ends and move apart if they would overlap.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from reports.charts.svg import ROLES

Names = Literal["beside", "below", "none"]
"""Where the names of the models are written."""

_LINE_HEIGHT = 15
_INK, _MUTED = ROLES["ink"][0], ROLES["muted"][0]


class LineName(NamedTuple):
    """Name of a line, and where and how it ends."""

    height: float
    text: str
    style: dict[str, Any]


def names_beside_axes(axes: Axes, names: list[LineName]) -> None:
    """Names right of the axes at the heights of the lines, moved apart where they would overlap."""
    width, height = size_in_points(axes)
    names = sorted(names, key=lambda name: name.height)
    places = spread([name.height for name in names], _LINE_HEIGHT / height, 1.02)
    outside: dict[str, Any] = {"transform": axes.transAxes, "clip_on": False, "linewidth": 0.8}
    step = 18 / width
    for place, (end, text, style) in zip(places, names, strict=True):
        marker, colour = style.get("marker"), style["color"]
        axes.plot([1.01, 1 + step * 0.8], [end, place], color=colour, **outside)
        if marker:
            point: dict[str, Any] = {"marker": marker, "markersize": 5.5, "color": colour}
            point["fillstyle"] = style.get("fillstyle", "full")
            axes.plot([1 + step], [place], **point, **outside)
        axes.text(
            1 + step * (1.5 if marker else 1.0),
            place,
            text,
            transform=axes.transAxes,
            va="center_baseline",
            color=_INK if marker else _MUTED,
            fontsize=12,
        )


def names_below_axes(axes: Axes, names: list[LineName]) -> None:
    """Names under the axes, one per line, highest first."""
    place = (-0.1, -48 / size_in_points(axes)[1])
    _legend(axes, names, loc="upper left", bbox_to_anchor=place)


def names_right_of_axes(axes: Axes, names: list[LineName]) -> None:
    """Names right of the axes, one per line, highest first."""
    _legend(axes, names, loc="upper left", bbox_to_anchor=(1.02, 1))


def names_in_corner(axes: Axes, names: list[LineName]) -> None:
    """Names inside the axes at the upper right, for curves that fall; highest first."""
    _legend(axes, names, loc="upper right")


def _legend(axes: Axes, names: list[LineName], **place: Any) -> None:
    names = sorted(names, key=lambda name: -name.height)
    axes.legend(
        handles=[Line2D([], [], label=name.text, **name.style) for name in names],
        frameon=False,
        fontsize=12,
        borderpad=0,
        handlelength=2.6,
        **place,
    )


def names_width(names: Sequence[str]) -> int:
    """Pixels that names right of the axes need, each with a mark before it."""
    return 70 + round(6.9 * max(map(len, names), default=0))


def spread(values: list[float], gap: float, top: float) -> list[float]:
    """Heights as close as possible to sorted `values`, each at least `gap` above the last."""
    places: list[float] = []
    for value in values:
        places.append(max(value, places[-1] + gap) if places else value)
    limit = top
    for index in reversed(range(len(places))):
        places[index] = min(places[index], limit)
        limit = places[index] - gap
    return places


def size_in_points(axes: Axes) -> tuple[float, float]:
    """Width and height of axes; on the page a point is a pixel."""
    scale = 72 / axes.figure.dpi
    return float(axes.bbox.width * scale), float(axes.bbox.height * scale)
