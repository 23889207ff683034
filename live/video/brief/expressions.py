"""Find brief expressions of one face: 0.5 to 4.0 s away from its own baseline, and back.

The signal is how far the classifier's log-probabilities are from their running median, so a face
that always looks sad to the classifier is no event. An event is a change of predictions: why the
face changed, and whether anything was hidden, cannot be known from it.

Source: Matsumoto and Hwang, "Evidence for training the ability to read microexpressions of
emotion", Motivation and Emotion 35, 2011 (expressions last 0.5 to 4.0 s; below that they are called
micro); Moilanen et al., "Spotting rapid facial movements from videos using appearance-based feature
difference analysis", ICPR 2014 (each frame against its temporal surroundings); Aitchison, "The
statistical analysis of compositional data", 1986 (distance of log-ratios); Canny, "A computational
approach to edge detection", PAMI 8, 1986 (two thresholds).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

SHORTEST, LONGEST = 0.5, 4.0
"""Duration of an event at half its height, in seconds."""
SEEN = 10.0
"""Seconds for which a face must be seen. In less, an expression can fill so much of the time that
it becomes the baseline (docs/video.md)."""
NEUTRAL = "neutral"
"""A return to neutral is no expression."""

RATE = 25
"""Steps per second of the grid on which predictions are averaged, whatever the frame rate."""
_GAP = 0.5
"""Longest gap that is bridged, in seconds; a track goes on through as much (`live/tracking.py`)."""
_SMOOTH = 5
"""Steps of the running mean."""
_WINDOW = 30 * RATE + 1
"""Steps of the running medians."""
_FLOOR = 1e-2
"""Probabilities below count as this: nets' smallest ones are noise."""
_EXACT = 0.1
"""How exactly the duration of an event is known, in seconds: half of the running mean."""
_LOW = 0.1587
"""Share of normally distributed values that are more than one standard deviation too small."""

# Chosen on planted clips of one half of PublicTest's faces, scored on the other half
# (`benchmarks/brief_expressions.py`, docs/video.md).
ENTER = 0.7
"""Smallest root mean square change of the log-ratios at the apex, in nats."""
ENTER_NOISE = 5.0
"""The same, in robust standard deviations of the change above its running median. They are those
below the median, which events do not widen."""
LEAVE = 0.5
"""Share of the threshold at which an event begins and ends, and of the apex where it is timed."""
SMALLEST_RISE = 0.1
"""Smallest rise of the emotion's probability."""


class BriefExpression(NamedTuple):
    """One event.

    Attributes:
        onset: time of the first frame at half height or more, in seconds.
        apex: time of the largest change.
        offset: time of the last frame at half height or more.
        emotion: class whose probability rose most at the apex.
        baseline: most probable class of the baseline there.
        strength: rise of the emotion's probability above the baseline at the apex, 0 to 1.
    """

    onset: float
    apex: float
    offset: float
    emotion: str
    baseline: str
    strength: float


def brief_expressions(
    seconds: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]
) -> list[BriefExpression]:
    """Find the events of one face, by time.

    Args:
        seconds: (N,) times of the frames with the face, ascending.
        probabilities: (N, K) predictions on it.
        classes: names of the K classes.
    """
    if not len(seconds):
        return []
    ticks = np.rint((seconds - seconds[0]) * RATE).astype(np.int64)
    logs = np.log(np.maximum(probabilities, _FLOOR))
    ratios = _on_grid(ticks, logs - logs.mean(axis=1, keepdims=True))
    shares = _on_grid(ticks, probabilities)
    change = np.sqrt(np.mean((ratios - _median(ratios)) ** 2, axis=1))
    usual = _median(change)
    noise = usual - _running(change, _LOW)
    enter = np.maximum(ENTER, usual + ENTER_NOISE * noise)
    leave = np.maximum(LEAVE * enter, usual + noise)
    baseline = _median(shares)
    found = []
    for first, last in _peaks(change, enter, leave):
        apex = first + int(np.argmax(change[first : last + 1]))
        rise = shares[apex] - baseline[apex]
        emotion = int(np.argmax(rise))
        long = (last + 1 - first) / RATE
        if (
            SHORTEST - _EXACT <= long <= LONGEST + _EXACT
            and rise[emotion] >= SMALLEST_RISE
            and classes[emotion] != NEUTRAL
        ):
            onset, peak, offset = (_frame_time(seconds, step) for step in (first, apex, last))
            usual_class = classes[int(np.argmax(baseline[apex]))]
            strength = round(float(rise[emotion]), 4)
            found.append(
                BriefExpression(onset, peak, offset, classes[emotion], usual_class, strength)
            )
    return found


def _on_grid(ticks: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Smoothed means of the values (N, K) in each step; NaN in gaps too long to bridge."""
    steps = pd.RangeIndex(ticks[-1] + 1)
    means = pd.DataFrame(values).groupby(ticks).mean().reindex(steps)
    bridged = means.interpolate(limit_area="inside")
    known = np.unique(ticks)
    lengths = np.diff(known)
    for place in np.flatnonzero(lengths > _GAP * RATE):
        bridged.iloc[known[place] + 1 : known[place + 1]] = np.nan
    smooth = bridged.rolling(_SMOOTH, center=True, min_periods=1).mean()
    return smooth.where(bridged.notna()).to_numpy()


def _median(values: np.ndarray) -> np.ndarray:
    return _running(values, 0.5)


def _running(values: np.ndarray, share: float) -> np.ndarray:
    """Running quantiles of (N,) or (N, K), without NaN."""
    rolling = pd.DataFrame(values).rolling(_WINDOW, center=True, min_periods=1)
    return rolling.quantile(share).to_numpy().reshape(values.shape)


def _peaks(change: np.ndarray, enter: np.ndarray, leave: np.ndarray) -> Iterator[tuple[int, int]]:
    """First and last step of each excursion at half its height, if both its ends are seen."""
    above = np.flatnonzero(change >= leave)  # NaN is not
    for run in np.split(above, np.flatnonzero(np.diff(above) > _SMOOTH) + 1):
        if not (change[run] >= enter[run]).any():
            continue
        high = run[change[run] >= LEAVE * change[run].max()]
        first, last = int(high[0]), int(high[-1])
        around = change[[max(first - 1, 0), min(last + 1, len(change) - 1)]]
        if first > 0 and last + 1 < len(change) and np.isfinite(around).all():
            yield first, last


def _frame_time(seconds: np.ndarray, step: int) -> float:
    """Time of the frame that is nearest to a step of the grid."""
    return float(seconds[np.argmin(np.abs(seconds - seconds[0] - step / RATE))])
