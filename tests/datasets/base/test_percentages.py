"""Halves round up, whatever the binary digits of a share are."""

import re
from pathlib import Path

import numpy as np
import pytest

from datasets.base.percentages import in_percent, rounded, share_in_percent

ROOT = Path(__file__).parents[3]

BY_HAND = re.compile(
    r"\{100 \* [^{}]*:[^{}]*f\}|\{[^{}]*:\.\d%\}|\{[^{}]*:\.\d?f\} ?%"
    r"|f\"\|format\(100[^{}]*\}\} %"
)
"""A share formatted as a percentage without `in_percent`."""


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


@pytest.mark.parametrize(
    ("share", "places", "expected"),
    [
        (3588 / 3589, 1, ">99.9"),
        (1 / 3589, 1, "<0.1"),
        (0.996, 0, ">99"),
        (0.004, 0, "<1"),
        (0.0, 1, "0.0"),
        (1.0, 1, "100.0"),
        (0.9994, 1, "99.9"),
        (float("nan"), 1, "nan"),
    ],
)
def test_some_are_neither_none_nor_all(share: float, places: int, expected: str) -> None:
    assert share_in_percent(share, places) == expected


def test_signs() -> None:
    assert in_percent(0.0125, 1, signed=True) == "+1.3"
    assert in_percent(-0.0125, 1, signed=True) == "-1.3"
    assert in_percent(0.0, 1, signed=True) == "+0.0"
    assert rounded(2.0005, 3, signed=True) == "+2.001"
    assert rounded(float("inf"), 3, signed=True) == "+inf"
    assert rounded(float("nan"), 3, signed=True) == "+nan"


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (5.8124e28, "5.81e+28"),  # a loss of logits near 1e28: more digits than `Decimal` takes
        (-1.5e300, "-1.5e+300"),
        (1e9, "1e+09"),
        (999_999_999.5, "999999999.50"),
    ],
)
def test_very_large_numbers_have_an_exponent(number: float, expected: str) -> None:
    assert rounded(number, 2) == expected
    assert rounded(abs(number), 2, signed=True) == f"+{expected.removeprefix('-')}"
    assert in_percent(number / 100, 2) == expected


def test_figures_are_formatted_in_one_place() -> None:
    """No other `100 * share` is formatted, nor a number followed by a sign of percent."""
    rooms = ("attacks", "benchmarks", "datasets", "evaluation", "faces", "fer_models", "live")
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for room in (*rooms, "reports")
        for ending in ("py", "html")
        for path in sorted((ROOT / room).rglob(f"*.{ending}"))
        for match in BY_HAND.finditer(path.read_text())
    ]
    assert not found


@pytest.mark.parametrize(
    "line",
    [
        'f"{100 * share:.0f}"',
        'f"{share:.1%}"',
        'f"{shares.loc[top].iloc[0]:.1f} %"',
        '{{ "%.1f"|format(100 * share) }} %',
    ],
)
def test_a_percentage_by_hand_is_found(line: str) -> None:
    assert BY_HAND.search(line)


def test_sizes_of_drawings_are_no_figures() -> None:
    assert not BY_HAND.search('style="width:{{ "%.2f"|format(100 * figure.value) }}%"')
