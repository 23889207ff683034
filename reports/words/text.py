"""How numbers are written on the page: percentages, intervals, eps, counts, seconds.

Not here: sentences about a run (`reports/sections/verdict.py`).
"""

import math
import re
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from datasets.base.percentages import in_percent, rounded, share_in_percent
from evaluation.results.model_notes import LABEL_SETS
from evaluation.results.select import in_steps

THIN = "\N{NARROW NO-BREAK SPACE}"
NBSP = "\N{NO-BREAK SPACE}"
MISSING = "\N{EM DASH}"
_DASH = "\N{EN DASH}"

_SAMPLE = "generated sample"
"""Name of the generated faces, which needs an article in a sentence."""
_NAMES: ContextVar[Mapping[str, str]] = ContextVar("_NAMES", default=MappingProxyType({}))

WIDE_INTERVAL = 0.04
"""Intervals at least this wide (4 points) do not support a decimal of a percentage."""


def decimals(low: float, high: float) -> int:
    """Decimals of a percentage that its 95 % interval supports: 1, or 0 for a wide interval."""
    return 0 if high - low >= WIDE_INTERVAL else 1


def percent(value: float, low: float = math.nan, high: float = math.nan) -> str:
    """A proportion in [0, 1] as a percentage, `0.4 %`; `71 %` where the interval is wide.

    Rounding never makes a proportion look like exactly none or all: `<1 %`, `>99.9 %`.
    """
    if math.isnan(value):
        return MISSING
    return f"{share_in_percent(value, decimals(low, high))}{THIN}%"


def interval(low: float, high: float) -> str:
    """A 95 % interval of a proportion, in percent without the sign: `0.1-1.4` (en dash).

    One of a difference, which may begin below 0, has words in place of the dash. Rounding makes no
    end of another look like exactly none or all: `<1-7`.
    """
    if math.isnan(low) or math.isnan(high):
        return ""
    written = in_percent if low < 0 else share_in_percent
    first, last = (_minus(written(end, decimals(low, high))) for end in (low, high))
    return f"{first} to {last}" if low < 0 else f"{first}{_DASH}{last}"


def points(gap: float, low: float = math.nan, high: float = math.nan) -> str:
    """A difference of shares, `+7.9 points`; as many decimals as its interval supports."""
    if math.isnan(gap):
        return MISSING
    return f"{_minus(in_percent(gap, decimals(low, high), signed=True))} points"


def whole_points(gap: float) -> str:
    """A difference of shares in whole percentage points: `+15`, `0`, a minus sign below it."""
    text = in_percent(gap, signed=True)
    return "0" if text == "+0" else _minus(text)


def decimal(value: float, places: int = 2) -> str:
    """A figure that is not a share: `0.49`; a dash for none, a sign for infinity.

    Args:
        value: the figure.
        places: decimals.
    """
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "\N{INFINITY}"
    return _minus(rounded(value, places))


def eps_text(eps: float, norm: str = "linf") -> str:
    """An eps as text: `4/255` or `0.5/255` for linf, a plain number for other norms."""
    if math.isnan(eps):
        return MISSING
    if eps == 0:
        return "0"
    if norm == "linf":
        return in_steps(eps)
    return f"{eps:.3g}"


def finer_than_8_bits(eps: float, norm: str) -> bool:
    """Whether no 8-bit image other than the face itself lies within eps: in linf below 1/255."""
    return norm == "linf" and 255 * eps < 1 - 1e-9


def parse_eps(text: str | float) -> float:
    """The number in `4/255` or `0.5/255` or `0.25`."""
    parts = str(text).split("/")
    return float(Fraction(parts[0]) / Fraction(parts[1])) if len(parts) == 2 else float(text)


def count(number: float) -> str:
    """A whole number with thin spaces between thousands: `3 589`."""
    if math.isnan(number):
        return MISSING
    return f"{round(number):,}".replace(",", THIN)


def face_count(number: float) -> str:
    """`1 face`, `3 589 faces`."""
    return f"{count(number)} face{'s' * int(number != 1)}"


def faces_text(data: Mapping[str, Any]) -> str:
    """`80 faces`, or `80 faces in 40 groups of near duplicates` where some are alike.

    Args:
        data: entry of a run's manifest.
    """
    rows, groups = data["rows"], data.get("groups", data["rows"])
    return face_count(rows) + (
        f" in {count(groups)} groups of near duplicates" if groups < rows else ""
    )


def thin_thousands(text: str) -> str:
    """Text from elsewhere with numbers as `count` writes them: `3,589 faces` as `3 589 faces`."""
    return re.sub(r"(?<=\d),(?=\d{3}(?!\d))", THIN, text)


def data_name(data: Mapping[str, Any]) -> str:
    """Name of the faces in a sentence: `FER2013`, `the generated sample`.

    Args:
        data: entry of a run's manifest.
    """
    name = str(data["name"])
    return f"the {name}" if name == _SAMPLE else name


def seconds(duration: float) -> str:
    """A duration: `3.1 s`, `42 s`, `4 min 05 s`, `3 h 07 min`."""
    if math.isnan(duration):
        return MISSING
    if duration < 9.95:
        return f"{duration:.1f}{THIN}s"
    whole = round(duration)
    if whole < 60:
        return f"{whole}{THIN}s"
    if whole < 3600:
        return f"{whole // 60}{THIN}min {whole % 60:02d}{THIN}s"
    minutes = round(duration / 60)
    return f"{minutes // 60}{THIN}h {minutes % 60:02d}{THIN}min"


def listing(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def label_set_name(label_set: str) -> str:
    """`FER`, `FER+`, the name of the data inside `labels_named`, or a foreign scheme's own name."""
    return _NAMES.get().get(label_set) or LABEL_SETS.get(label_set, label_set)


def own_label_names() -> Mapping[str, str]:
    """Label sets that `labels_named` calls after the data; none outside of it."""
    return _NAMES.get()


@contextmanager
def labels_named(names: Mapping[str, str]) -> Iterator[None]:
    """Let `label_set_name` answer with these names while one run is rendered."""
    token = _NAMES.set(names)
    try:
        yield
    finally:
        _NAMES.reset(token)


def _minus(number: str) -> str:
    return number.replace("-", "\N{MINUS SIGN}")


def limit_name(model: str, black_boxes: Container[str]) -> str:
    """A model's name on a chart: after a less-or-equal sign for a black box."""
    return f"\N{LESS-THAN OR EQUAL TO} {model}" if model in black_boxes else model


def norm_name(norm: str) -> str:
    """A norm for reading: `L\N{INFINITY}`, `L2`, `L1`."""
    return {"linf": "L\N{INFINITY}"}.get(norm, norm.upper())
