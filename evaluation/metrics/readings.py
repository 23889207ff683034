"""Metrics of the reading of one face over time: flips, and how long it takes to follow a change."""

from typing import NamedTuple

import numpy as np

HELD_SECONDS = 0.5
"""Shortest time for which a reference must hold a label before following it is asked for."""


class Change(NamedTuple):
    """The reference changes at frame `start` and keeps its new label up to before frame `end`."""

    start: int
    end: int


def flips(labels: np.ndarray) -> np.ndarray:
    """Whether the label differs from that of the frame before, bool (T - 1,).

    Args:
        labels: (T,), at least one.
    """
    return labels[1:] != labels[:-1]


def lasting_changes(
    expected: np.ndarray, seconds: np.ndarray, held: float = HELD_SECONDS
) -> list[Change]:
    """Changes of a reference whose new label lasts.

    Args:
        expected: (T,), labels of the reference.
        seconds: float64 (T,), times of the frames, ascending.
        held: least number of seconds from the first frame of the new label to its last.
    """
    starts = np.flatnonzero(flips(expected)) + 1
    ends = [*starts[1:], len(expected)]
    return [
        Change(int(start), int(end))
        for start, end in zip(starts, ends)
        if seconds[end - 1] - seconds[start] >= held - 1e-9
    ]


def frames_waited(labels: np.ndarray, expected: np.ndarray, change: Change) -> float:
    """Frames until a reading has the new label of the reference; infinite if it never has.

    Args:
        labels: (T,), the reading.
        expected: (T,), the reference.
        change: one of its changes.
    """
    hits = np.flatnonzero(labels[change.start : change.end] == expected[change.start])
    return float(hits[0]) if len(hits) else np.inf
