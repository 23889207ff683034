"""Reliability checks of a model on its clean images."""

import numpy as np

from evaluation.checks.rules import Check, check
from fer_models.classifier import Classifier

SATURATED_SHARE = 0.1


REPEATS = 5


REPEATABLE = 1e-5
"""What may change between two answers to the same batch, as a share of the logits' range."""


FEWEST_ANSWERS = 10
"""Faces of which one class for all says something."""


def model_checks(classifier: Classifier, images: np.ndarray, logits: np.ndarray) -> list[Check]:
    """Checks of a model on its clean images.

    Args:
        classifier: the model.
        images: float32 (N, H, W, C) in [0, 1].
        logits: its answer, float32 (N, K).
    """
    batch = images[:32]
    repeats = np.stack([classifier.logits(batch) for _ in range(REPEATS)])
    ranges = logits.max(axis=1) - logits.min(axis=1)
    spread = float(
        (repeats.max(axis=0) - repeats.min(axis=0)).max() / max(np.median(ranges), 1e-30)
    )
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    saturated = float((shifted.sum(axis=1) == 1).mean())
    classes = len(np.unique(logits.argmax(axis=1)))
    single = classes < 2 and len(logits) >= FEWEST_ANSWERS
    return [
        check(
            classifier.id, "R11", "same answer twice", spread > REPEATABLE, spread, REPEATABLE,
            "The same batch gives the same logits each time."
            if spread <= REPEATABLE
            else "The same image gets different logits: the model is random. Attack it over "
            "several draws before believing its robust accuracy.",
        ),
        check(
            classifier.id, "R10", "softmax not saturated", saturated > SATURATED_SHARE, saturated,
            SATURATED_SHARE,
            "Probabilities keep gradients that an attack can follow."
            if saturated <= SATURATED_SHARE
            else "Many answers have probability exactly 1, where cross-entropy has no gradient. "
            "That can look like robustness: check against an attack with a margin loss.",
        ),
        check(
            classifier.id, "R3", "more than one class answered", single, classes, 2,
            "The model answers several classes, or the faces are too few to tell."
            if not single
            else "The model answers one class for every face: its robust accuracy is the share "
            "of that class and means nothing.",
        ),
    ]  # fmt: skip
