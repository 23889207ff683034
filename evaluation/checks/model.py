"""Reliability checks of a model on its clean images."""

import numpy as np

from datasets.image_source import ImageSource
from evaluation.checks.rules import Check, check
from evaluation.results.schema import ANY_BATCH
from fer_models.classifier import Classifier

SATURATED_SHARE = 0.1


REPEATS = 5


REPEATABLE = 1e-5
"""Largest accepted change of the same batch's logits, as a share of their range."""


ALONE = 8
"""Number of faces that are also classified alone."""


SAME_IN_ANY_BATCH = 1e-3
"""Largest accepted change in another batch, as a share of the logits' range. Batch size affects
rounding; a model that looks at the other images changes by far more."""


FEWEST_ANSWERS = 10
"""Number of faces from which on a single predicted class is suspicious."""


def model_checks(
    classifier: Classifier, images: ImageSource, logits: np.ndarray, labels: np.ndarray
) -> list[Check]:
    """Checks of a model on its clean images.

    Args:
        classifier: the model.
        images: float32 (N, H, W, C) in [0, 1].
        logits: its logits, float32 (N, K).
        labels: int64 (N,) in the model's classes, -1 where there is none.
    """
    batch = images[:32]
    repeats = np.stack([_asked(classifier, batch, f"repeat {k}") for k in range(REPEATS)])
    ranges = logits.max(axis=1) - logits.min(axis=1)
    scale = max(float(np.median(ranges)), 1e-30)
    spread = float((repeats.max(axis=0) - repeats.min(axis=0)).max()) / scale
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    saturated = float((shifted.sum(axis=1) == 1).mean())
    return [
        check(
            classifier.id, "R11", "same answer twice", spread > REPEATABLE, spread, REPEATABLE,
            "The same batch gives the same logits each time."
            if spread <= REPEATABLE
            else "The same image gets different logits: the model is random. Attack it over "
            "several draws before you trust its robust accuracy.",
        ),
        *([] if spread > REPEATABLE else [_any_batch(classifier, batch, repeats[0], scale)]),
        check(
            classifier.id, "R10", "softmax not saturated", saturated > SATURATED_SHARE, saturated,
            SATURATED_SHARE,
            "Probabilities keep gradients that an attack can follow."
            if saturated <= SATURATED_SHARE
            else "Many answers have probability exactly 1, where cross-entropy has no gradient. "
            "That can look like robustness: check against an attack with a margin loss.",
        ),
        _several_classes(classifier, logits.argmax(axis=1), labels),
    ]  # fmt: skip


def _several_classes(classifier: Classifier, predicted: np.ndarray, labels: np.ndarray) -> Check:
    """R3: a model that predicts one class for all faces is broken, unless they have no other.

    Args:
        classifier: the model.
        predicted: class of each of N faces, int64 (N,).
        labels: see `model_checks`.
    """
    classes, known = np.unique(predicted), np.unique(labels[labels >= 0])
    single = len(classes) < 2 and len(predicted) >= FEWEST_ANSWERS
    right = np.array_equal(classes, known)
    words = "The model predicts several classes, or the faces are too few to tell."
    if single and right:
        words = (
            f"All faces with a label are {classifier.scheme.classes[classes[0]]}, and the model "
            "predicts nothing else: whether it tells classes apart was not measured."
        )
    elif single:
        words = (
            "The model predicts one class for every face: its robust accuracy is the share "
            "of that class and means nothing."
        )
    flagged = single and not right
    return check(
        classifier.id, "R3", "more than one class answered", flagged, len(classes), 2, words
    )


def _asked(classifier: Classifier, images: np.ndarray, draw: str) -> np.ndarray:
    """Logits float32 (N, K) that the model gives now, whatever it answered before."""
    with classifier.asked_anew(draw):
        return classifier.logits(images)


def _any_batch(
    classifier: Classifier, batch: np.ndarray, together: np.ndarray, scale: float
) -> Check:
    """R11: an image gets the same logits alone, in another batch and in another order.

    Args:
        classifier: a model that gives the same batch the same logits each time.
        batch: float32 (N, H, W, C).
        together: its logits of the batch, float32 (N, K).
        scale: range of its logits.
    """
    half = (len(batch) + 1) // 2
    answers = {
        "alone": np.concatenate(
            [
                _asked(classifier, batch[row : row + 1], "alone")
                for row in range(min(ALONE, len(batch)))
            ]
        ),
        "in another batch": _asked(classifier, batch[:half], "another batch"),
        "in another order": _asked(classifier, batch[::-1], "another order")[::-1],
    }
    changes = {
        how: float(np.abs(found - together[: len(found)]).max(initial=0.0)) / scale
        for how, found in answers.items()
    }
    how = max(changes, key=lambda name: changes[name])
    flagged = changes[how] > SAME_IN_ANY_BATCH
    words = "An image gets the same logits alone, in another batch and in another order."
    if flagged:
        words = (
            f"Classified {how}, the same image gets other logits: they depend on the images "
            "around it, so no figure holds for single images and the model has no rank. Run batch "
            "normalisation in inference mode, and scale each image by itself."
        )
    return check(classifier.id, "R11", ANY_BATCH, flagged, changes[how], SAME_IN_ANY_BATCH, words)
