"""PGD: projected gradient steps with restarts; an image is done as soon as it is broken."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.base import Cost, Keys
from attacks.broken import STOP_LEAD, broken, confirmed
from attacks.gradient_attack import GradientAttack, random_start, steepest_step, zero_gradients
from attacks.threat_model import project
from datasets.base.errors import InputError
from fer_models.classifier import Classifier, DifferentiableClassifier


@dataclass(frozen=True, kw_only=True)
class PGD(GradientAttack):
    """Projected gradient descent from the clean image, then from random points of the ball.

    The first restart starts at the clean image with a first step of size eps, so it contains FGSM
    (R5). Every iterate is tested, not only the last (R12).

    Source: Madry et al. 2018, "Towards deep learning models resistant to adversarial attacks",
    arXiv 1706.06083, section 2.1.

    Attributes:
        steps: gradient steps per restart.
        restarts: number of starting points.
        step_size: size of the second step, as a share of eps; steps then fall along half a
            cosine. The first step of the first restart is eps.
    """

    steps: int = 10
    restarts: int = 1
    step_size: float = 1.0

    name: ClassVar[str] = "pgd"
    title: ClassVar[str] = "PGD"
    words: ClassVar[str] = (
        "many small gradient steps that increase the loss, each projected back into the budget"
    )
    reduced_precision: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_at_least_one("steps", "restarts")
        if not 0 < self.step_size <= 2:
            raise InputError(f"`step_size` must be in (0, 2], times eps; got {self.step_size}.")

    def _attack(
        self,
        classifier: Classifier,
        images: np.ndarray,
        labels: np.ndarray,
        keys: Keys,
    ) -> tuple[np.ndarray, Cost]:
        assert isinstance(classifier, DifferentiableClassifier)
        attacked, cost = images.copy(), Cost.zeros(len(images))
        active, allowed = np.arange(len(images)), self._allowed(images)
        for restart in range(self.restarts):
            if not len(active):
                break
            clean = images[active]
            start = clean
            if restart:
                draws = keys.take(active).with_restart(restart)
                start = random_start(clean, self.eps, self.norm, draws)
                start = np.where(allowed[active], start, clean)
            found = self._climb(
                classifier,
                start,
                clean,
                labels[active],
                allowed[active],
                cost,
                active,
                restart,
            )
            attacked[active], fallen = found
            active = active[~fallen]
        return attacked, cost

    def _climb(
        self,
        classifier: DifferentiableClassifier,
        start: np.ndarray,
        clean: np.ndarray,
        labels: np.ndarray,
        allowed: np.ndarray,
        cost: Cost,
        rows: np.ndarray,
        restart: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        """One restart: first broken, else last iterate float32, and which are broken bool (N,)."""
        current, fallen = start.copy(), np.zeros(len(start), bool)
        for step in range(self.steps):
            left = np.flatnonzero(~fallen)
            with classifier.drawn(step):
                logits, _, gradient = classifier.input_gradients(
                    current[left], labels[left], self.loss
                )
            ones = np.ones(len(left), np.int64)
            cost.add(rows[left], Cost(ones, ones, zero_gradients(gradient)))
            now = broken(logits, labels[left], STOP_LEAD)
            now, asked = confirmed(classifier, current[left], labels[left], now)
            cost.forward[rows[left]] += asked
            fallen[left] = now
            left, gradient = left[~now], gradient[~now] * allowed[left[~now]]
            if not len(left):
                return current, fallen
            moved = current[left] + steepest_step(gradient, self._size(step, restart), self.norm)
            current[left] = project(moved, clean[left], self.eps, self.norm)
        left = np.flatnonzero(~fallen)
        cost.forward[rows[left]] += 1
        if restart + 1 == self.restarts:
            return current, fallen  # the base's final check is this pass
        fallen[left] = broken(classifier.logits(current[left]), labels[left], STOP_LEAD)
        return current, fallen

    def _allowed(self, images: np.ndarray) -> np.ndarray:
        """Which pixels may change, bool (N, H, W, 1)."""
        return np.ones((*images.shape[:3], 1), bool)

    def _size(self, step: int, restart: int) -> float:
        if step == 0 and restart == 0:
            return self.eps
        return self.eps * self.step_size * 0.5 * (1 + math.cos(math.pi * step / self.steps))
