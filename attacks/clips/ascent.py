"""Gradient ascent on all frames of a clip at once, also through what smooths their reading."""

import math
from collections.abc import Callable, Iterator

import numpy as np

from attacks.base import BATCH_ROWS
from attacks.clips.attacked_clip import AttackedClip, Goal
from attacks.threat_model import linf_limits
from fer_models.classifier import DifferentiableClassifier, Pullback, check_finite
from fer_models.loss_slopes import loss_slope, spans
from fer_models.losses import Loss
from fer_models.smoothing.smoother import ScoreSmoother, Smoothed

FIRST_STEP = 0.5
"""Size of the first step, as a share of eps; steps fall along half a cosine."""
ENOUGH = 0.05
"""Lead of a wrong class, as a share of the range of a frame's scores, at which the frame counts as
done: what it no longer needs goes to frames that are still labelled correctly."""

Slope = Callable[[np.ndarray], np.ndarray]
"""From logits float32 (T, K) to the derivative of what is increased by them, float64 (T, K)."""


def away_from_labels(goal: Goal) -> Slope:
    """The margin of a wrong class over the label, summed over the counted frames not yet done.

    With a smoother that has scores it is the margin of the smoothed scores, differentiated through
    the smoother; otherwise that of the logits.
    """
    rows = np.arange(len(goal.labels))

    def slope(logits: np.ndarray) -> np.ndarray:
        smoothed = _smoothed(goal, logits)
        margins, by_scores = loss_slope(Loss.MARGIN, smoothed.scores, goal.labels)
        waiting = goal.counted & (margins < ENOUGH * spans(smoothed.scores))
        return smoothed.pull(by_scores * waiting[rows, None])

    return slope


def _smoothed(goal: Goal, logits: np.ndarray) -> Smoothed:
    if isinstance(goal.smoother, ScoreSmoother):
        return goal.smoother.smooth(logits)
    return Smoothed(logits.astype(np.float64), lambda cotangent: cotangent)


def climb(
    classifier: DifferentiableClassifier,
    clean: np.ndarray,
    start: np.ndarray,
    slope: Slope,
    *,
    eps: float,
    steps: int,
    basis: np.ndarray | None = None,
) -> Iterator[AttackedClip]:
    """Sign steps up a slope; yield the start and every iterate, with the logits that judge.

    The slope is taken at these too. Where an attacker draws otherwise, their derivative by the
    pixels is that of the attacker's own draws.

    Args:
        classifier: the model to attack.
        clean: float32 (T, H, W, C) in [0, 1].
        start: float (M, H, W, C), perturbation to start from, within eps.
        slope: what is increased.
        eps: Linf radius.
        steps: gradient steps.
        basis: float (T, M), shares of each row of the perturbation in each frame, at least 0 and
            at most 1 in sum; None has a row per frame.

    Raises:
        ModelError: logits or gradient are NaN or infinite.
    """
    low, high = linf_limits(clean, eps)
    moves = start.astype(np.float64)
    for step in range(steps + 1):
        spread = moves if basis is None else np.tensordot(basis, moves, axes=1)
        images = np.clip((clean + spread).astype(np.float32), low, high)
        with classifier.drawn(step):
            logits, pull = _pullback(classifier, images)
        if classifier.draws_apart:
            logits = classifier.logits(images)
        yield AttackedClip(images, logits)
        if step == steps:
            return
        with classifier.drawn(step):  # a pullback may compute the way to the logits again
            gradient = pull(slope(logits))
        if basis is not None:
            gradient = np.tensordot(basis.T, gradient, axes=1)
        size = eps * FIRST_STEP * 0.5 * (1 + math.cos(math.pi * step / steps))
        moves = np.clip(moves + size * np.sign(gradient), -eps, eps)


def _pullback(classifier: DifferentiableClassifier, images: np.ndarray) -> Pullback:
    """`DifferentiableClassifier.pullback` of any number of images, in batches."""
    starts = range(0, len(images), BATCH_ROWS)
    parts = [classifier.pullback(images[start : start + BATCH_ROWS]) for start in starts]
    logits = np.concatenate([part.logits for part in parts])
    check_finite(classifier.id, "the logits", logits)

    def pull(cotangent: np.ndarray) -> np.ndarray:
        narrow = cotangent.astype(np.float32)
        pairs = zip(starts, parts)
        found = [part.pull(narrow[start : start + BATCH_ROWS]) for start, part in pairs]
        gradient = np.concatenate(found)
        check_finite(classifier.id, "the input gradient", gradient)
        return gradient

    return Pullback(logits, pull)
