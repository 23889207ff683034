"""How readings, smoothers and attacks on clips are worded, and which rows are shown."""

from typing import NamedTuple

import pandas as pd

from datasets.base.percentages import rounded
from evaluation.results.reading import CLEAN, EVERY, LABELS, NOISE, UNSMOOTHED
from reports.sections.figures import marked
from reports.words.text import MISSING, NBSP, interval, percent, whole_points

ATTACKS = {
    NOISE: ("random noise", "a random sign per pixel and frame: the baseline"),
    "per_frame": ("PGD per frame", "each frame by itself; knows of no smoothing"),
    "whole_clip": ("one for the whole clip", "the same perturbation in every frame"),
    "slow": (
        "slow",
        "linear in time between key frames at least half a second apart, so that nothing flickers",
    ),
    "adaptive": (
        "adaptive",
        "knows the smoothing: gradients through the running mean or the hidden Markov filter; "
        "against a repeater the best plan over the classes that each frame can be made to show. It "
        "starts from the best of all others, so it is the worst case",
    ),
}
"""Name and explanation of each attack, in the order in which they are shown."""


def smoothing_words(name: str) -> str:
    """A smoother's name for charts: `mean of 12`, `HMM 0.99`, `no smoothing`."""
    kind, _, number = name.partition(":")
    words = {"none": "no smoothing", "repeater": "repeater", "mean": "mean of", "hmm": "HMM"}
    return f"{words.get(kind, kind)} {number}".strip().replace(" ", NBSP)


def share_name(reference: str) -> str:
    """What a share of frames is called: accuracy needs labels."""
    return "accuracy" if reference == LABELS else "agreement"


FEW_CLIPS = 4
"""Real clips are shown one by one up to this number: what differs between so few is unknown."""


class Group(NamedTuple):
    """Clips that are shown together: their reference, a heading, and their figures."""

    reference: str
    heading: str
    rows: pd.DataFrame


def shown_groups(results: pd.DataFrame) -> list[Group]:
    """Planted clips together, then the real ones, each by itself if they are few."""
    groups = []
    for reference in results["reference"].unique():
        rows = results[results["reference"] == reference]
        names = [name for name in rows["clip"].unique() if name not in EVERY.values()]
        together = len(names) > 1 and (reference == LABELS or len(names) > FEW_CLIPS)
        for name in [EVERY[reference]] if together else names:
            heading = "Clips with known labels" if reference == LABELS else f"Real clips: {name}"
            groups.append(Group(reference, heading, rows[rows["clip"] == name]))
    return groups


def pick_figure(rows: pd.DataFrame, **wanted: object) -> pd.Series | None:
    """The one row with these values, or None."""
    for column, value in wanted.items():
        rows = rows[rows[column] == value]
    return None if rows.empty else rows.iloc[0]


def with_interval(row: pd.Series | None) -> str:
    """A share as a cell: `12 % (8-17)`, behind a flag if it failed a check."""
    if row is None or pd.isna(row["value"]):
        return MISSING
    low, high = float(row["ci_low"]), float(row["ci_high"])
    text = f"{percent(float(row['value']), low, high)} ({interval(low, high)})"
    return marked(text, row["status"])


def number_with_interval(row: pd.Series | None, places: int = 1) -> str:
    """A figure that is no share, as a cell: `1.3 (0.9-2.0)`; infinite bounds are signs."""
    if row is None or pd.isna(row["value"]):
        return MISSING
    value, low, high = (
        _number(float(row[name]), places) for name in ("value", "ci_low", "ci_high")
    )
    return marked(f"{value} ({low}\N{EN DASH}{high})", row["status"])


def points_with_interval(row: pd.Series) -> str:
    """A difference of shares in percentage points: `+4 points (-1 to +9)`."""
    value, low, high = (whole_points(float(row[name])) for name in ("value", "ci_low", "ci_high"))
    return marked(f"{value} points ({low} to {high})", row["status"])


def _number(value: float, places: int) -> str:
    if value == float("inf"):
        return "\N{INFINITY}"
    return rounded(max(value, 0.0), places)


def smoothers(rows: pd.DataFrame) -> list[str]:
    """Smoothers in the order in which they were measured, no smoothing first."""
    return [name for name in rows["smoothing"].unique() if name != "reference"]


def grid(rows: pd.DataFrame) -> list[float]:
    """Eps of the attacks, ascending."""
    return sorted(rows.loc[rows["perturbation"] != CLEAN, "eps"].unique())


def best_smoother(rows: pd.DataFrame, reference: str) -> str:
    """The smoother with the largest worst-case share at the smallest eps; of equals the first."""
    eps = grid(rows)[0]
    metric = f"robust_{share_name(reference)}"
    found = {
        name: pick_figure(rows, smoothing=name, perturbation="adaptive", eps=eps, metric=metric)
        for name in smoothers(rows)
        if name != UNSMOOTHED
    }
    values = {name: float(row["value"]) for name, row in found.items() if row is not None}
    return max(values, key=lambda name: values[name]) if values else UNSMOOTHED
