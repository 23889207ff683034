"""Flips per second of each smoother: without attack, under noise, in the worst case."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from evaluation.results.reading import ADAPTIVE, CLEAN, NOISE, REFERENCE
from reports.charts.drawing import PHONE, Chart, Panel, drawing
from reports.charts.svg import ROLES
from reports.readings.words import (
    Group,
    grid,
    number_with_interval,
    pick_figure,
    share_name,
    smoothers,
    smoothing_words,
)
from reports.table import table
from reports.words.text import count, eps_text

_KINDS = {CLEAN: ("no attack", "clean", ""), NOISE: ("noise", "noise", ".."),
          "per_frame": ("PGD per frame", "flag", "\\\\"),
          ADAPTIVE: ("adaptive", "attacked", "//")}  # fmt: skip
"""Name, colour and hatching of each kind of bar."""
_REAL: dict[str, Any] = {"color": ROLES["ink"][0], "linewidth": 1.2, "linestyle": (0, (4, 3))}
"""The line of the reference's own changes."""


def flips_chart(group: Group, place: int) -> Chart:
    """A panel per model, at the smallest eps.

    Args:
        group: shown clips.
        place: number of the group on the page.
    """
    rows, reference = group.rows, group.reference
    rows = rows[rows["metric"] == "flips_per_second"]
    panels, cells = list[Panel](), list[list[str]]()
    eps = grid(rows)[0]
    own_changes = "the labels" if share_name(reference) == "accuracy" else "clean reading"
    for model in rows["model"].unique():
        own = rows[rows["model"] == model]
        real = pick_figure(own, smoothing=REFERENCE)
        line = float(real["value"]) if real is not None else 0.0
        alt = f"{model}: flips per second"
        name = f"flips-{place}-{len(panels)}"
        svgs = [
            _svg(f"{name}-{width}", alt, own, eps, (line, own_changes), width)
            for width in (530, PHONE)
        ]
        panels.append(Panel(model, svgs))
        for smoothing in smoothers(own):
            cells.append([model, smoothing_words(smoothing), *_cells(own, smoothing, eps)])
    caption = (
        f"Changes of the label per second, without attack and at {eps_text(eps)}; the whiskers are "
        "95 % intervals. Dashed: changes of the "
        + ("labels themselves." if share_name(reference) == "accuracy" else "clean reading.")
        + " An attack that holds one wrong label flips little: few flips are no sign of safety. "
        f"n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{count(int(rows['n'].max()))} frames."
    )
    return Chart(
        f"flips-{place}",
        "How often the label changes",
        caption,
        panels,
        table(
            f"flips-{place}",
            ["model", "smoothing", *(words for words, *_ in _KINDS.values())],
            cells,
            rows,
        ),
    )


def _figure(rows: pd.DataFrame, smoothing: str, kind: str, eps: float) -> pd.Series | None:
    at = 0.0 if kind == CLEAN else eps
    return pick_figure(rows, smoothing=smoothing, perturbation=kind, eps=at)


def _cells(rows: pd.DataFrame, smoothing: str, eps: float) -> list[str]:
    return [number_with_interval(_figure(rows, smoothing, kind, eps), 2) for kind in _KINDS]


def _svg(
    name: str, alt: str, rows: pd.DataFrame, eps: float, own: tuple[float, str], width: int
) -> str:
    """Draw the bars of one model, and a line at the reference's own changes, with its name."""
    line, whose = own
    names = smoothers(rows)
    thick = 0.8 / len(_KINDS)

    def draw(axes: Axes) -> None:
        for place, (kind, (_, role, hatch)) in enumerate(_KINDS.items()):
            found = [_figure(rows, smoothing, kind, eps) for smoothing in names]
            values = np.array([np.nan if row is None else float(row["value"]) for row in found])
            low = [0.0 if row is None else float(row["value"] - row["ci_low"]) for row in found]
            high = [0.0 if row is None else float(row["ci_high"] - row["value"]) for row in found]
            heights = np.arange(len(names)) + (place + 0.5) * thick - 0.4
            axes.barh(
                heights, values, height=0.85 * thick, color=ROLES[role][0], hatch=hatch,
                edgecolor=ROLES["paper"][0], linewidth=0,
                xerr=[np.maximum(low, 0), np.maximum(high, 0)],
                error_kw={"elinewidth": 1, "ecolor": ROLES["muted"][0]},
            )  # fmt: skip
        axes.axvline(line, **_REAL)
        axes.set_yticks(range(len(names)), map(smoothing_words, names))
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlim(left=0)
        axes.grid(False, axis="y")
        axes.tick_params(axis="y", labelcolor=ROLES["ink"][0])
        axes.set_xlabel("flips per second")
        handles: list[Artist] = [
            Patch(facecolor=ROLES[role][0], hatch=hatch, edgecolor=ROLES["paper"][0], label=words)
            for words, role, hatch in _KINDS.values()
        ]
        handles.append(Line2D([], [], label=whose, **_REAL))
        axes.legend(
            handles=handles, loc="upper left", frameon=False, fontsize=11, borderpad=0,
            bbox_to_anchor=(-110 / (width - 122), -46 / height),
            ncols=2 if width == PHONE else len(handles), columnspacing=1.2, handlelength=1.5,
        )  # fmt: skip

    height = 62 * len(names)
    size = (width, height + 14 + (130 if width == PHONE else 80))
    margins = (110, 12, 130 if width == PHONE else 80, 14)
    return drawing(name, alt, size, margins, draw, "narrow" if width == PHONE else "wide")
