"""DeepFool: steps to the nearest decision boundary of the linearised classifier."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.apgd_ascent import choose
from attacks.base import Attack, Cost, Keys
from attacks.broken import STOP_LEAD, broken, leads, likeliest
from attacks.gradient_attack import slopes, steepest_step
from attacks.threat_model import Norm, distance, project
from datasets.base.errors import InputError
from fer_models.classifier import Classifier, DifferentiableClassifier

LATER = 3
"""Most classes that steps after the first consider: the nearest of the first."""
SHORTENING = 2
"""Passes by which a perturbation that broke its image is shortened."""
BEYOND = 1e-3
"""How far false position aims beyond the boundary, as a share of the perturbation."""
LEAST = 1e-4
"""Smallest step, as a share of eps: on the boundary itself the linear one is 0."""
LARGEST_OVERSHOOT = 1.0
TINY = 1e-30


@dataclass(frozen=True, kw_only=True)
class DeepFool(Attack):
    """Steps to the nearest boundary of the linearised classifier until the class changes.

    Every step linearises the classifier at the current point and goes to the nearest of the
    boundaries with other classes, and beyond it by the overshoot. The first step considers all
    candidates, later ones the nearest three of the step before. What broke an image is
    shortened by false position along the line to the clean image. A perturbation longer than eps
    is cut to eps and counts if it still breaks the image; otherwise the image ends clean.

    Source: Moosavi-Dezfooli et al. 2016, "DeepFool: a simple and accurate method to fool deep
    neural networks", arXiv 1511.04599, algorithm 2, and section 3.3 for linf; the overshoot after
    every step, the shortening and the cut are ours.

    Attributes:
        steps: most steps per image, each with a gradient for every candidate and a pass more.
        overshoot: how far each step goes beyond the boundary, as a share of the step.
        candidates: largest number of other classes, the likeliest of the clean image.
    """

    steps: int = 50
    overshoot: float = 0.02
    candidates: int = 9

    name: ClassVar[str] = "deepfool"
    title: ClassVar[str] = "DeepFool"
    words: ClassVar[str] = "steps to the nearest decision boundary, approximated as a plane"
    needs_gradients: ClassVar[bool] = True
    minimal: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_at_least_one("steps", "candidates")
        if not 0 < self.overshoot <= LARGEST_OVERSHOOT:
            raise InputError(
                f"`overshoot` must be in (0, {LARGEST_OVERSHOOT:g}], times the step; "
                f"got {self.overshoot}."
            )

    def _attack(
        self, classifier: Classifier, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> tuple[np.ndarray, Cost]:
        assert isinstance(classifier, DifferentiableClassifier)
        attacked, cost = images.copy(), Cost.zeros(len(images))
        cost.forward[:] = 1
        logits = classifier.logits(images)
        rows = np.flatnonzero(~broken(logits, labels, STOP_LEAD))
        if not len(rows):
            return attacked, cost
        others, before = likeliest(logits, labels, self.candidates), leads(logits, labels)
        points, lead, fallen = self._walk(classifier, images, labels, logits, others, rows, cost)
        rows = rows[fallen[rows]]
        if not len(rows):
            return attacked, cost
        clean, true = images[rows], labels[rows]
        found = self._shorten(classifier, points[rows], clean, true, before[rows], lead[rows])
        cost.forward[rows] += SHORTENING
        attacked[rows] = project(found, clean, self.eps, self.norm)
        far = rows[distance(found, clean, self.norm) > self.eps]
        if len(far):
            cost.forward[far] += 1
            now = broken(classifier.logits(attacked[far]), labels[far], STOP_LEAD)
            attacked[far] = choose(now, attacked[far], images[far])
        return attacked, cost

    def _walk(
        self,
        classifier: DifferentiableClassifier,
        images: np.ndarray,
        labels: np.ndarray,
        logits: np.ndarray,
        others: np.ndarray,
        active: np.ndarray,
        cost: Cost,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Step until the class changes.

        Distances to boundaries follow from the logits that judge. Gradients may come from other
        random draws, whose logits may put an image beyond a boundary that it has not reached.

        Args:
            classifier: the attacked model.
            images: float32 (N, H, W, C).
            labels: int64 (N,).
            logits: float32 (N, K), of the images.
            others: int64 (N, M), classes to consider.
            active: rows that are not broken yet.
            cost: what is spent is added.

        Returns:
            Last points float32, how far another class leads there, float64 (N,), and which are
            broken, bool (N,).
        """
        points, lead = images.copy(), np.zeros(len(images))
        fallen = np.zeros(len(images), bool)
        others, judged = others[active], logits[active]
        for number in range(self.steps):
            here, true = points[active], labels[active]
            with classifier.drawn(number):
                gradients = classifier.lead_gradients(here, true, others).gradients
            twos, zeros = np.full(len(active), 2), (~gradients.any(axis=(2, 3, 4))).sum(axis=1)
            cost.add(active, Cost(twos, np.full(len(active), others.shape[1]), zeros))
            wide, rows = judged.astype(np.float64), np.arange(len(active))[:, None]
            distances = _distances(
                wide[rows, others] - wide[rows, true[:, None]], gradients, self.norm
            )
            step = _step(distances, gradients, self.norm, LEAST * self.eps)
            moved = np.clip(here + (1 + self.overshoot) * step, 0, 1).astype(np.float32)
            judged = classifier.logits(moved)
            points[active], lead[active] = moved, leads(judged, true)
            fallen[active] = now = broken(judged, true, STOP_LEAD)
            left = ~now & (moved != here).any(axis=(1, 2, 3))  # the same point has the same step
            nearest = np.argsort(distances, axis=1, kind="stable")[:, :LATER]
            active, others, judged = active[left], others[rows, nearest][left], judged[left]
            if not len(active):
                break
        return points, lead, fallen

    def _shorten(
        self,
        classifier: Classifier,
        points: np.ndarray,
        clean: np.ndarray,
        labels: np.ndarray,
        below: np.ndarray,
        above: np.ndarray,
    ) -> np.ndarray:
        """Broken points nearer to clean on the same line, float32, by false position.

        Args:
            classifier: the attacked model.
            points: float32 (N, H, W, C), broken.
            clean: float32 (N, H, W, C).
            labels: int64 (N,).
            below: float64 (N,), leads at the clean images.
            above: float64 (N,), leads at the points.
        """
        low, high, best = np.zeros(len(clean)), np.ones(len(clean)), points
        for _ in range(SHORTENING):
            cut = (1 + BEYOND) * (low + (high - low) * -below / np.maximum(above - below, TINY))
            cut = np.clip(cut, low, high)
            tried = clean + cut[:, None, None, None] * (points.astype(np.float64) - clean)
            tried = tried.astype(np.float32)
            logits = classifier.logits(tried)
            now, lead = broken(logits, labels, STOP_LEAD), leads(logits, labels)
            best = choose(now, tried, best)
            low, below = np.where(now, low, cut), np.where(now, below, lead)
            high, above = np.where(now, cut, high), np.where(now, lead, above)
        return best


def _distances(lead: np.ndarray, gradients: np.ndarray, norm: Norm) -> np.ndarray:
    """Distances to planes, float64 (N, M); infinite where a gradient is zero.

    Args:
        lead: float64 (N, M), how far each other class leads; negative before its boundary.
        gradients: float32 (N, M, H, W, C) of the leads.
        norm: of the distances.
    """
    steep = slopes(gradients, norm)
    return np.where(steep > 0, np.maximum(-lead, 0) / np.maximum(steep, TINY), np.inf)


def _step(distances: np.ndarray, gradients: np.ndarray, norm: Norm, least: float) -> np.ndarray:
    """Steps to the nearest planes, and `least` beyond, float64 (N, H, W, C); 0 without any."""
    rows, nearest = np.arange(len(distances)), distances.argmin(axis=1)
    lengths = distances[rows, nearest] + least
    lengths = np.where(np.isfinite(lengths), lengths, 0.0)[:, None, None, None]
    return lengths * steepest_step(gradients[rows, nearest], 1.0, norm)
