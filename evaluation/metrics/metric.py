"""What a metric is: its name, meaning, unit and direction, and where it is shown.

Not here: the list of metrics (`evaluation/metrics/table.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class Unit(StrEnum):
    """Unit of a value."""

    SHARE = "share"
    NUMBER = "number"
    NATS = "nats"
    RATIO = "ratio"
    PIXELS = "pixels in [0, 1]"


class Better(StrEnum):
    """Which values are better; neither for a metric that only describes."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = ""


class Of(StrEnum):
    """What a metric's function takes; the figures of such a metric need no other code.

    CONFUSION: counts (..., K, K + 1) of `confusion_matrix`, to figures (...), clean.
    LOGITS: logits (N, K) and labels (N,), to one number per image (N,), clean and attacked.
    """

    CONFUSION = "confusion"
    LOGITS = "logits"


@dataclass(frozen=True)
class Metric:
    """One metric of `results.csv`.

    Attributes:
        name: in the column `metric`.
        meaning: what it is, for docs/results-schema.md.
        interval: how its interval is made, for docs/results-schema.md.
        unit: unit of its values.
        better: which values are better.
        compared: whether `evaluation.compare` compares its intervals; accuracies are compared image
            by image.
        heading: heading of its column in the leaderboard of the page; empty for no column.
        in_summary: whether that column is in `report.md` too.
        of: what `function` takes.
        function: computes it; None where a module of `evaluation/figures/` does.
    """

    name: str
    meaning: str
    interval: str
    unit: Unit = Unit.SHARE
    better: Better = Better.NEITHER
    compared: bool = False
    heading: str = ""
    in_summary: bool = False
    of: Of | None = None
    function: Callable[..., np.ndarray] | None = None
