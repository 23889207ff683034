"""The ascent of APGD under L1: a step moves few pixels; the best point decides how few."""

import math

import numpy as np

from attacks.apgd_ascent import Ascent, choose
from attacks.threat_model import Norm

WIDER = ((3, 0.3), (2, 0.3))
"""Larger balls in which the ascent begins: radius as a multiple of eps, and share of the steps."""
FIRST_SHARE = 0.2
"""Share of the pixels that the first step from a clean image changes."""
FEWER_PIXELS = 1.5
"""The pixels in which the best point differs from the clean image, divided by this, are the pixels
that the next step changes."""
STILL_FALLING = 0.95
"""Where the best point differs in fewer than this share of the pixels of the last checkpoint, the
step size is reset to eps."""
SHORTER, SHORTEST = 1.5, 10
"""Elsewhere the step size is divided by the first number; it never falls below eps divided by the
second."""


class SparseAscent(Ascent):
    """N images that climb a loss inside an L1 ball, without momentum.

    Source: Croce & Hein 2021, arXiv 2103.01208, algorithm 1. Here the number of pixels that a
    step moves is rounded down, so that two pixels can become one.
    """

    def __init__(self, start: np.ndarray, clean: np.ndarray, eps: float) -> None:
        super().__init__(start, clean, eps, Norm.L1)
        self._dims = math.prod(clean.shape[1:])
        self._size = np.full(len(start), eps)
        moved = self._changed(start)
        first = math.ceil(FIRST_SHARE * self._dims)
        self._count = np.where(moved, _fewer(moved), first)
        self._moved = np.where(moved, moved, self._dims)

    def checkpoints(self, steps: int) -> dict[int, int]:
        """Every 25th of the steps, and the checkpoint before each."""
        every = max(1, steps // 25)
        return {step: step - every for step in range(every, steps, every)}

    def adapt(self, steps: int) -> None:
        """At a checkpoint: fewer pixels per step, and a longer or shorter step."""
        moved = self._changed(self.best)
        fell = moved < STILL_FALLING * self._moved
        shorter = np.maximum(self._size / SHORTER, self._eps / SHORTEST)
        self._size = np.where(fell, self._eps, shorter)
        self._count, self._moved = _fewer(moved), moved
        self.points = choose(fell, self.best, self.points)
        self._gradient = choose(fell, self._best_gradient, self._gradient)

    def move(self) -> None:
        """One step along the signs of the largest gradients, the same length in each pixel."""
        flat = self._gradient.astype(np.float64).reshape(len(self.points), self._dims)
        absolute = np.abs(flat)
        least = np.sort(absolute, axis=1)[np.arange(len(flat)), self._dims - self._count]
        signs = np.where(absolute >= least[:, None], np.sign(flat), 0.0)
        steps = self._size[:, None] * signs / np.maximum(np.abs(signs).sum(axis=1), 1)[:, None]
        self.points = self._project(self.points + steps.reshape(self.points.shape))
        self._first = False

    def _changed(self, points: np.ndarray) -> np.ndarray:
        """int64 (N,): pixels that differ from the clean image."""
        return (points != self._clean).reshape(len(points), -1).sum(axis=1)


def _fewer(moved: np.ndarray) -> np.ndarray:
    """Pixels that a step moves, int64 (N,), when the best point has changed `moved` of them."""
    return np.maximum(moved / FEWER_PIXELS, 1).astype(np.int64)
