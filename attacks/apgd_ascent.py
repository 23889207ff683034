"""The ascent of APGD: positions, best points and step sizes of each image. No classifier.

Not here: steps under L1 (`attacks/sparse_ascent.py`).
"""

import math
from copy import copy

import numpy as np

from attacks.gradient_attack import steepest_step
from attacks.threat_model import Norm, linf_limits, project

MOMENTUM = 0.75
"""Weight of the new step; the last move has the rest."""
ENOUGH_RISES = 0.75
"""Share of steps between two checkpoints in which the loss must rise, or else the step halves."""


def checkpoints(steps: int) -> dict[int, int]:
    """Steps after which the step size is adapted, and the checkpoint before each.

    w_j = ceil(p_j N), p_0 = 0, p_1 = 0.22, p_{j+1} = p_j + max(p_j - p_{j-1} - 0.03, 0.06).
    Source: Croce & Hein 2020, arXiv 2003.01690, section 3.3.
    """
    before, share, last, found = 0.0, 0.22, 0, {}
    while (step := math.ceil(share * steps - 1e-9)) < steps:
        if step > last:
            found[step], last = last, step
        before, share = share, share + max(share - before - 0.03, 0.06)
    return found


class Ascent:
    """N images that climb a loss.

    Attributes:
        points: float32 (N, H, W, C), current points, whose loss `see` takes next.
        best: float32 (N, H, W, C), points of the highest loss so far.
    """

    def __init__(self, start: np.ndarray, clean: np.ndarray, eps: float, norm: Norm) -> None:
        count = len(start)
        self.points, self.best = start.copy(), start.copy()
        self._eps, self._norm, self._first = eps, norm, True
        self._clean, self._previous = clean, start
        if norm is Norm.LINF:
            self._low, self._high = linf_limits(clean, eps)
        self._gradient = self._best_gradient = np.zeros_like(start)
        self._loss = self._best_loss = np.full(count, -np.inf)
        self._size = np.full(count, 2 * eps)
        self._rises = np.zeros(count, np.int64)
        self._checkpoint_loss = np.full(count, -np.inf)
        self._halved = np.ones(count, bool)  # no plateau before the first checkpoint

    def take(self, rows: np.ndarray) -> "Ascent":
        """The ascent of some rows (mask or indices) only."""
        part = copy(self)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(part, name, value[rows])
        return part

    def checkpoints(self, steps: int) -> dict[int, int]:
        """Steps after which to `adapt`, and the checkpoint before each."""
        return checkpoints(steps)

    def see(self, loss: np.ndarray, gradient: np.ndarray) -> None:
        """Record loss (N,) and gradient (N, H, W, C) at `points`."""
        if not self._first:
            self._rises = self._rises + (loss > self._loss)
        better = loss > self._best_loss
        self._loss, self._gradient = loss, gradient
        self.best = choose(better, self.points, self.best)
        self._best_gradient = choose(better, gradient, self._best_gradient)
        self._best_loss = np.where(better, loss, self._best_loss)

    def adapt(self, steps: int) -> None:
        """At a checkpoint: halve steps that no longer help, and continue from the best point.

        Args:
            steps: steps taken since the previous checkpoint.
        """
        few_rises = self._rises < ENOUGH_RISES * steps
        plateau = ~self._halved & (self._checkpoint_loss == self._best_loss)
        self._halved = few_rises | plateau
        self._checkpoint_loss = self._best_loss
        self._size = np.where(self._halved, self._size / 2, self._size)
        self.points = choose(self._halved, self.best, self.points)
        self._gradient = choose(self._halved, self._best_gradient, self._gradient)
        self._rises = np.zeros_like(self._rises)

    def move(self) -> None:
        """One step with momentum; the first has none."""
        sizes = self._size[:, None, None, None]
        step = sizes * steepest_step(self._gradient, 1.0, self._norm)
        moved = self._project(self.points + step)
        if not self._first:
            last = self.points - self._previous
            mixed = self.points + MOMENTUM * (moved - self.points) + (1 - MOMENTUM) * last
            moved = self._project(mixed)
        self._previous, self.points, self._first = self.points, moved, False

    def _project(self, images: np.ndarray) -> np.ndarray:
        if self._norm is Norm.LINF:
            return np.clip(images.astype(np.float32), self._low, self._high)
        return project(images, self._clean, self._eps, self._norm)


def choose(rows: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """`one` in the given rows, bool (N,), `other` elsewhere."""
    return np.where(rows[:, None, None, None], one, other)
