"""FMN: the smallest perturbation of each image, so one run yields the whole security curve."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.base import Attack, Cost, Keys
from attacks.broken import STOP_LEAD, broken, judging_logits, leads
from attacks.gradient_attack import slopes, steepest_step, zero_gradients
from attacks.threat_model import distance, project
from datasets.base.errors import InputError
from fer_models.classifier import Classifier, DifferentiableClassifier
from fer_models.losses import Loss

FIRST_CHANGE, LAST_CHANGE = 0.05, 1e-4
"""Share by which a radius shrinks or grows at the first and at the last step."""


@dataclass(frozen=True, kw_only=True)
class FMN(Attack):
    """Fast minimum-norm attack: each image climbs its margin inside a ball of its own radius.

    The radius shrinks while the image is broken and grows while it is not; until it is broken for
    the first time the radius is where a linear model would break. It never exceeds eps. An image
    ends at the smallest perturbation that broke it, or clean if none did.

    Where an attacker's own random draws call an image broken, the logits that judge tell whether
    it is, and if not, how far it is from the boundary.

    Source: Pintor et al. 2021, "Fast minimum-norm adversarial attacks through adaptive norm
    constraints", arXiv 2102.12827, algorithm 1. Here a step is a share of the radius, along the
    steepest ascent under the norm (signs for linf).

    Attributes:
        steps: gradient steps per image.
        step_size: size of the first step, as a share of the radius; it falls along half a cosine.
    """

    steps: int = 100
    step_size: float = 1.0

    name: ClassVar[str] = "fmn"
    title: ClassVar[str] = "FMN"
    words: ClassVar[str] = (
        "searches for the smallest change that breaks a face, so one run covers every eps"
    )
    needs_gradients: ClassVar[bool] = True
    minimal: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_at_least_one("steps")
        if not 0 < self.step_size <= 2:
            raise InputError(
                f"`step_size` must be in (0, 2], times the radius; got {self.step_size}."
            )

    def _attack(
        self, classifier: Classifier, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> tuple[np.ndarray, Cost]:
        assert isinstance(classifier, DifferentiableClassifier)
        best, smallest = images, np.full(len(images), np.inf)
        current, radius, cost = images, np.full(len(images), self.eps), Cost.zeros(len(images))
        for step in range(self.steps):
            with classifier.drawn(step):
                logits, margins, gradient = classifier.input_gradients(current, labels, Loss.MARGIN)
            ones = np.ones(len(images), np.int64)
            cost.add(slice(None), Cost(ones, ones, zero_gradients(gradient)))
            now, margins, asked = _judged(classifier, current, labels, logits, margins)
            cost.forward[:] += asked
            sizes = distance(current, images, self.norm)
            best, smallest = _keep(now, current, sizes, best, smallest)
            fall = 0.5 * (1 + math.cos(math.pi * step / self.steps))
            change = LAST_CHANGE + (FIRST_CHANGE - LAST_CHANGE) * fall
            linear = sizes - margins / np.maximum(slopes(gradient, self.norm), 1e-30)
            found = np.isfinite(smallest) | (margins >= 0)  # a tie: no linear model goes beyond it
            grown = np.where(found, radius, linear) * (1 + change)
            shrunk = np.minimum(radius * (1 - change), smallest)
            radius = np.minimum(np.where(now, shrunk, grown), self.eps)
            wide = radius[:, None, None, None]
            move = self.step_size * fall * wide * steepest_step(gradient, 1.0, self.norm)
            current = project(current + move, images, wide, self.norm)
        cost.forward[:] += 1
        now = broken(classifier.logits(current), labels, STOP_LEAD)
        sizes = distance(current, images, self.norm)
        return _keep(now, current, sizes, best, smallest)[0], cost


def _judged(
    classifier: Classifier,
    images: np.ndarray,
    labels: np.ndarray,
    logits: np.ndarray,
    margins: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which images are broken, bool (N,), their margins (N,), and passes spent, int64 (N,).

    Args:
        classifier: the attacked model.
        images: float32 (N, H, W, C).
        labels: int64 (N,).
        logits: as the attacker sees them, float32 (N, K).
        margins: of these, float32 (N,).
    """
    now, asked = broken(logits, labels, STOP_LEAD), np.zeros(len(labels), np.int64)
    rows, judging = judging_logits(classifier, images, now)
    if not len(rows):
        return now, margins, asked
    margins, true = margins.astype(np.float64), labels[rows]
    now[rows], margins[rows] = broken(judging, true, STOP_LEAD), leads(judging, true)
    asked[rows] = 1
    return now, margins, asked


def _keep(
    now: np.ndarray, current: np.ndarray, sizes: np.ndarray, best: np.ndarray, smallest: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Smallest broken points so far and their sizes, inf for none."""
    better = now & (sizes < smallest)
    return np.where(better[:, None, None, None], current, best), np.where(better, sizes, smallest)
