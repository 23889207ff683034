"""What was read in one clip over time, clean and in the worst case."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from evaluation.results.reading import ADAPTIVE, CLEAN, LABELS, UNSMOOTHED
from reports.charts.drawing import PHONE, Chart, Panel, drawing
from reports.charts.svg import ROLES
from reports.readings.words import smoothing_words
from reports.table import table
from reports.words.text import eps_text


def timeline_chart(
    frames: pd.DataFrame, model: str, clip: str, smoothing: str, eps: float, place: int
) -> Chart:
    """The reading of one clip by one model, with and without smoothing.

    Args:
        frames: rows of `frames.parquet`.
        model: shown model.
        clip: shown clip.
        smoothing: shown smoother, beside no smoothing.
        eps: eps of the attack.
        place: number of the chart on the page.
    """
    own = frames[(frames["model"] == model) & (frames["clip"] == clip)]
    reference = str(own["reference"].iloc[0])
    panels, told = list[Panel](), []
    for name in dict.fromkeys((UNSMOOTHED, smoothing)):
        read = own[own["smoothing"] == name]
        clean = read[read["perturbation"] == CLEAN]
        attacked = read[(read["perturbation"] == ADAPTIVE) & (read["eps"] == eps)]
        alt = f"{model} on {clip}, {smoothing_words(name)}: labels over time"
        parts = [
            _svg(f"timeline-{place}-{len(panels)}-{width}", alt, clean, attacked, width)
            for width in (530, PHONE)
        ]
        panels.append(Panel(smoothing_words(name), parts))
        told.append(
            pd.DataFrame({
                "seconds": clean["seconds"].to_numpy(),
                "smoothing": name,
                "expected": clean["expected"].to_numpy(),
                "clean": clean["reading"].to_numpy(),
                "attacked": attacked["reading"].to_numpy(),
            })
        )  # fmt: skip
    data = pd.concat(told)
    band = "the label" if reference == LABELS else "what is read in the clean frames one by one"
    return Chart(
        f"timeline-{place}",
        f"{clip}, as {model} reads it",
        f"Blue: without attack; red, dashed: under the adaptive attack at {eps_text(eps)}; grey "
        f"band: {band}.",
        panels,
        table(f"timeline-{place}", ["smoothing", "seconds", "label", "clean", "attacked"],
              _runs(data), data),
    )  # fmt: skip


def _runs(data: pd.DataFrame) -> list[list[str]]:
    """One row for each stretch in which nothing changes."""
    kinds = ["smoothing", "expected", "clean", "attacked"]
    changed = (data[kinds] != data[kinds].shift()).any(axis=1)
    return [
        [smoothing_words(row["smoothing"]), f"{row['seconds']:.2f}", *map(str, row[kinds[1:]])]
        for _, row in data[changed].iterrows()
    ]


def _svg(name: str, alt: str, clean: pd.DataFrame, attacked: pd.DataFrame, width: int) -> str:
    shown = pd.concat([clean["expected"], clean["reading"], attacked["reading"]])
    classes = sorted(shown.unique())
    seconds = clean["seconds"].to_numpy(float)

    def heights(labels: pd.Series) -> np.ndarray:
        return np.array([classes.index(label) for label in labels], float)

    def draw(axes: Axes) -> None:
        expected = heights(clean["expected"])
        for start, end in _stretches(expected):
            until = seconds[min(end, len(seconds) - 1)]
            axes.fill_between(
                [seconds[start], until], expected[start] - 0.36, expected[start] + 0.36,
                color=ROLES["noise"][0], alpha=0.3, linewidth=0,
            )  # fmt: skip
        blue, red = ROLES["clean"][0], ROLES["attacked"][0]
        axes.step(seconds, heights(clean["reading"]) - 0.1, where="post", color=blue, linewidth=1.6)
        axes.step(
            seconds, heights(attacked["reading"]) + 0.1, where="post", color=red, linewidth=1.4,
            linestyle=(0, (3, 1.2)),
        )  # fmt: skip
        axes.set_yticks(range(len(classes)), classes)
        axes.set_ylim(len(classes) - 0.4, -0.6)
        axes.set_xlim(seconds[0], seconds[-1])
        axes.tick_params(axis="y", labelcolor=ROLES["ink"][0])
        axes.set_xlabel("seconds")

    size = (width, 34 * len(classes) + 74)
    css = "narrow" if width == PHONE else "wide"
    return drawing(name, alt, size, (86, 12, 50, 10), draw, css)


def _stretches(values: np.ndarray) -> Sequence[tuple[int, int]]:
    """First frame of each stretch of equal values, and the frame after it."""
    starts = [0, *(np.flatnonzero(np.diff(values)) + 1)]
    return [(int(a), int(b)) for a, b in zip(starts, [*starts[1:], len(values)])]
