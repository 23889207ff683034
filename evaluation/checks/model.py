"""Reliability checks of a model on its clean images."""

import numpy as np

from datasets.base.percentages import in_percent
from datasets.image_source import ImageSource
from evaluation.checks.rules import Check, check
from evaluation.results.schema import ANY_BATCH
from fer_models.classifier import BATCH_SIZE, Classifier
from fer_models.loss_slopes import spans

SATURATED_SHARE = 0.1
REPEATED = 32
"""Faces of the batch that is classified several times."""
REPEATS = 5
REPEATABLE = 1e-5
"""Largest accepted change of the same batch's logits, as a share of their range."""
ALONE = 16
"""Number of faces, spread over a batch, that are also classified alone."""
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
    batch = images[:REPEATED]
    repeats = np.stack([_asked(classifier, batch, f"repeat {k}") for k in range(REPEATS)])
    spread = float((repeats.max(axis=0) - repeats.min(axis=0)).max()) / _scale(logits)
    return [
        check(
            classifier.id, "R11", "same answer twice", spread > REPEATABLE, spread, REPEATABLE,
            "The same batch gives the same logits each time."
            if spread <= REPEATABLE
            else "The same image gets different logits: the model is random. Attack it over "
            "several draws before you trust its robust accuracy.",
        ),
        *([] if spread > REPEATABLE else [_any_batch(classifier, images, logits, repeats[0])]),
        _not_saturated(classifier, logits),
        _several_classes(classifier, logits.argmax(axis=1), labels),
    ]  # fmt: skip


def _not_saturated(classifier: Classifier, logits: np.ndarray) -> Check:
    """R10: few answers have probability exactly 1, or several classes with the largest logit.

    Classes are equal where a net clips its logits. Where all are, it tells nothing (R3).
    """
    top = logits.max(axis=1, keepdims=True)
    sure = np.exp(logits - top).sum(axis=1) == 1
    leaders = (logits == top).sum(axis=1)
    tied = (leaders > 1) & (leaders < logits.shape[1])
    share = float((sure | tied).mean())
    words = "Probabilities keep gradients that an attack can follow."
    if flagged := share > SATURATED_SHARE:
        words = (
            "Many answers have probability exactly 1, where cross-entropy has no gradient. That "
            "can look like robustness: check against an attack with a margin loss."
        )
    if flagged and tied.sum() > sure.sum():
        words = (
            f"On {in_percent(tied.mean())} % of the faces several classes have exactly the largest "
            "logit, as of a net that clips its logits. The first of them counts as its answer, and "
            "no attack as successful where classes are equal. Return the logits before they are "
            "clipped."
        )
    return check(
        classifier.id, "R10", "softmax not saturated", flagged, share, SATURATED_SHARE, words
    )


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
    with classifier.asked_anew(draw, kept=True):
        return classifier.logits(images)


def _scale(logits: np.ndarray) -> float:
    """The usual range of an image's logits (N, K), of classes that are not masked."""
    return max(float(np.median(spans(logits))), 1e-30)


def _any_batch(
    classifier: Classifier, images: ImageSource, logits: np.ndarray, fewer: np.ndarray
) -> Check:
    """R11: an image gets the same logits alone, in another batch and in another order.

    Compared with its clean logits, from a batch of the size that most figures are computed in.

    Args:
        classifier: a model that gives the same batch the same logits each time.
        images: float32 (N, H, W, C).
        logits: its logits, float32 (N, K), from batches of `BATCH_SIZE`.
        fewer: its logits of a smaller batch of the first images, float32 (M, K).
    """
    batch, together = images[:BATCH_SIZE], logits[:BATCH_SIZE]
    spread = np.unique(np.linspace(0, len(batch) - 1, ALONE).astype(int))
    alone = [_asked(classifier, batch[row : row + 1], "alone") for row in spread]
    backwards = _asked(classifier, batch[::-2], "another order")  # half of them cost half
    answers = {
        "alone": np.concatenate(alone) - together[spread],
        "in another batch": fewer - together[: len(fewer)],
        "in another order": backwards - together[::-2],
    }
    scale = _scale(logits)
    changes = {how: float(np.abs(moved).max()) / scale for how, moved in answers.items()}
    how = max(changes, key=lambda name: changes[name])
    flagged = changes[how] > SAME_IN_ANY_BATCH
    words = "An image gets the same logits alone, in another batch and in another order."
    if flagged:
        words = (
            f"Classified {how}, the same image gets other logits: they depend on the images "
            "around it, or on its place among them, so no figure holds for single images and the "
            "model has no rank. Run batch normalisation in inference mode, and scale each image by "
            "itself."
        )
    return check(classifier.id, "R11", ANY_BATCH, flagged, changes[how], SAME_IN_ANY_BATCH, words)
