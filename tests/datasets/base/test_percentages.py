"""Halves round up, whatever the binary digits of a share are."""

import re
from pathlib import Path

import numpy as np
import pytest

from datasets.base.percentages import in_percent, rounded

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("share", "places", "expected"),
    [
        (0.925, 0, "93"),  # f"{92.5:.0f}" is 92
        (37 / 40, 0, "93"),
        (0.145, 0, "15"),  # 100 * 0.145 is 14.499999999999998
        (0.5705, 1, "57.1"),  # 57.05 is below itself in binary
        (0.0005, 1, "0.1"),
        (0.0, 1, "0.0"),
        (1.0, 0, "100"),
        (-0.0004, 1, "0.0"),  # no "-0.0"
        (-0.925, 0, "-93"),
        (0.9249999, 0, "92"),
        (float("nan"), 1, "nan"),
    ],
)
def test_halves_round_up(share: float, places: int, expected: str) -> None:
    assert in_percent(share, places) == expected
    assert in_percent(np.float64(share), places) == expected


def test_signs() -> None:
    assert in_percent(0.0125, 1, signed=True) == "+1.3"
    assert in_percent(-0.0125, 1, signed=True) == "-1.3"
    assert in_percent(0.0, 1, signed=True) == "+0.0"
    assert rounded(2.0005, 3, signed=True) == "+2.001"
    assert rounded(float("inf"), 3, signed=True) == "+inf"


def test_figures_are_formatted_in_one_place() -> None:
    """No other `100 * share` is formatted where robustness is measured or reported."""
    by_hand = re.compile(r"\{100 \* [^{}]*:[^{}]*f\}|\{[^{}]*:\.\d%\}")
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for room in ("evaluation", "reports")
        for path in sorted((ROOT / room).rglob("*.py"))
        for match in by_hand.finditer(path.read_text())
    ]
    assert not found
