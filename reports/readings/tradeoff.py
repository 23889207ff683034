"""Accuracy and robust accuracy against delay: one point per smoother."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation

from reports.charts.axes import percent_axis
from reports.charts.drawing import PHONE, Chart, Panel, drawing
from reports.charts.svg import ROLES
from reports.readings.words import (
    Group,
    grid,
    number_with_interval,
    pick_figure,
    points_with_interval,
    share_name,
    smoothers,
    smoothing_words,
    with_interval,
)
from reports.table import table
from reports.words.text import count, eps_text

_BLUE, _RED, _INK = (ROLES[role][0] for role in ("clean", "attacked", "ink"))


def points(rows: pd.DataFrame, reference: str, eps: float) -> pd.DataFrame:
    """Delay, share without attack and in the worst case of each smoother.

    Returns:
        Columns smoothing, delay (seconds; infinite if most changes are missed), and value, ci_low,
        ci_high and status of either share, prefixed by clean_ and robust_.
    """
    share, found = share_name(reference), []
    for name in smoothers(rows):
        delay = pick_figure(rows, smoothing=name, perturbation="none", metric="median_delay")
        clean = pick_figure(rows, smoothing=name, perturbation="none", metric=share)
        robust = pick_figure(
            rows, smoothing=name, perturbation="adaptive", eps=eps, metric=f"robust_{share}"
        )
        if clean is None or robust is None:
            continue
        entry = {"smoothing": name, "delay": np.nan if delay is None else float(delay["value"])}
        for prefix, row in (("clean", clean), ("robust", robust)):
            entry |= {f"{prefix}_{k}": row[k] for k in ("value", "ci_low", "ci_high", "status")}
        found.append(entry)
    return pd.DataFrame(found)


def tradeoff_chart(group: Group, place: int) -> Chart | None:
    """Every model and eps as a panel; None without a smoother or a change to follow.

    Args:
        group: shown clips.
        place: number of the group on the page.
    """
    rows, reference = group.rows, group.reference
    share, panels, cells, data = share_name(reference), list[Panel](), list[list[str]](), []
    delays = rows.loc[rows["metric"] == "median_delay", "value"]
    if len(smoothers(rows)) < 2 or not np.isfinite(delays).any():
        return None
    for model in rows["model"].unique():
        own = rows[rows["model"] == model]
        for eps in grid(own):
            found = points(own, reference, eps)
            heading = f"{model}, worst case at {eps_text(eps)}"
            name = f"tradeoff-{place}-{len(panels)}"
            panels.append(Panel(heading, [_svg(name, heading, found, share, width)
                                          for width in (530, PHONE)]))  # fmt: skip
            for entry in found["smoothing"]:
                cells.append(_cells(own, model, entry, eps, share))
            data.append(found.assign(model=model, eps=eps))
    n = int(rows.loc[rows["metric"] == share, "n"].max())
    title = f"What smoothing buys in {share}, and the delay that it costs"
    caption = (
        f"One point per smoother: {share} without attack (blue circles) and robust {share} under "
        "the adaptive attack (red squares), with 95 % intervals, against the median time until a "
        "change of the expression is followed. A smoother that misses most changes has no point. "
        "Blue stands a little left of its delay and red right, so that neither hides the other. "
        f"n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{count(n)} frames."
    )
    head = ["model", "smoothing", "eps", "delay, s", share, f"robust {share}", "gain in it"]
    return Chart(
        f"tradeoff-{place}",
        title,
        caption,
        panels,
        table(f"delay-{place}", head, cells, pd.concat(data)),
    )


def _cells(rows: pd.DataFrame, model: str, smoothing: str, eps: float, share: str) -> list[str]:
    clean = {"smoothing": smoothing, "perturbation": "none"}
    worst = {"smoothing": smoothing, "perturbation": "adaptive", "eps": eps}
    gain = pick_figure(rows, **worst, metric=f"robust_{share}_gain")
    return [
        model,
        smoothing_words(smoothing),
        eps_text(eps),
        number_with_interval(pick_figure(rows, **clean, metric="median_delay"), 2),
        with_interval(pick_figure(rows, **clean, metric=share)),
        with_interval(pick_figure(rows, **worst, metric=f"robust_{share}")),
        "" if gain is None else points_with_interval(gain),
    ]


def _svg(name: str, alt: str, found: pd.DataFrame, share: str, width: int) -> str:
    phone = width == PHONE
    known = found[np.isfinite(found["delay"])]
    most = max(float(known["delay"].max()) if len(known) else 0.0, 0.2)

    def draw(axes: Axes) -> None:
        for prefix, colour, marker, aside in (("clean", _BLUE, "o", -3), ("robust", _RED, "s", 3)):
            beside = ScaledTranslation(aside / 72, 0, axes.figure.dpi_scale_trans)
            values = known[f"{prefix}_value"]
            errors = [
                (values - known[f"{prefix}_ci_low"]).clip(0),
                (known[f"{prefix}_ci_high"] - values).clip(0),
            ]
            axes.errorbar(
                known["delay"], values, yerr=errors, color=colour, marker=marker, markersize=6,
                linestyle="", elinewidth=1.1, alpha=0.9, clip_on=False,
                transform=axes.transData + beside,  # neither interval hides the other
            )  # fmt: skip
        _named(axes, known, most, phone)
        percent_axis(axes, "y")
        axes.set_xlim(-0.04 * most, 1.25 * most)
        axes.set_xlabel("median delay, seconds")

    size = (width, 380)
    margins = (56, 12, 50, 14)
    return drawing(f"{name}-{width}", f"{alt}: {share} against delay", size, margins, draw,
                   "narrow" if phone else "wide")  # fmt: skip


def _named(axes: Axes, known: pd.DataFrame, most: float, phone: bool) -> None:
    """Names of smoothers beside their point without attack; those at one place share a name."""
    taken: list[tuple[float, float]] = []
    gap = 0.055
    for row in known.sort_values("clean_value", ascending=False).itertuples():
        height = float(row.clean_value)
        while any(abs(height - y) < gap and abs(row.delay - x) < 0.4 * most for x, y in taken):
            height -= gap
        taken.append((float(row.delay), height))
        axes.annotate(
            smoothing_words(str(row.smoothing)),
            (row.delay + 0.02 * most, height),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=10 if phone else 11,
            color=_INK,
        )
