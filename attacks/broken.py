"""When an image counts as broken: another class leads clearly over the true one."""

import numpy as np

from datasets.base.errors import InputError
from fer_models.classifier import Classifier
from fer_models.loss_slopes import ordered_logits, unmasked

LEAD = 1e-5
"""An image is broken when another class leads by more than this share of the scale of the logits.

Last-bit differences between batches are smaller, so predicting again from the stored image gives
the same flag. Attacks that stop early require `STOP_LEAD`, so the final check agrees with them.
"""
STOP_LEAD = 2 * LEAD
OFFSET = 0.2
"""The scale is at least this share of the leading logit, so that float32 can resolve the lead.

`LEAD * OFFSET` of a logit is 16 steps of float32 or more.
"""
COARSEST = 1e-3
"""Largest step of float32 at the leading logit, as a share of the scale of the logits."""


def broken(logits: np.ndarray, labels: np.ndarray, lead: float = LEAD) -> np.ndarray:
    """Whether another class leads clearly, bool (N,).

    The scale of a row is the distance of its leading logit from the median one, of classes that the
    model does not mask by a huge negative logit (`fer_models.loss_slopes.unmasked`). So a constant
    added to all logits changes nothing, nor do masked classes, however many they are.

    Args:
        logits: float32 (N, K).
        labels: int64 (N,) in [0, K).
        lead: share of the scale by which another class must lead.
    """
    rows = np.arange(len(labels))
    others = logits.astype(np.float64)
    centre, true = _median(others), others[rows, labels]
    others[rows, labels] = -np.inf
    best = others.max(axis=1, initial=-np.inf)
    return best - true > lead * np.maximum(best - centre, OFFSET * np.abs(best))


def _median(logits: np.ndarray) -> np.ndarray:
    """The median of each row of logits (N, K), without masked classes, float64 (N,)."""
    ordered, count = ordered_logits(logits)
    rows = np.arange(len(ordered))
    median: np.ndarray = (ordered[rows, (count - 1) // 2] + ordered[rows, count // 2]) / 2
    return median


def leads(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How far the likeliest other class leads over the label, float64 (N,); see `broken`."""
    rows, others = np.arange(len(labels)), logits.astype(np.float64)
    true = others[rows, labels]
    others[rows, labels] = -np.inf
    return others.max(axis=1) - true


def likeliest(logits: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """The likeliest other classes, at most `count`, int64 (N, M)."""
    others = logits.copy()
    others[np.arange(len(labels)), labels] = -np.inf
    return np.argsort(-others, axis=1, kind="stable")[:, : min(count, logits.shape[1] - 1)]


def targets_of(logits: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """The likeliest other classes, as `likeliest`, with -1 in place of masked ones.

    The logit of a masked class does not change, so an attack towards it climbs nothing.
    """
    order = likeliest(logits, labels, count)
    return np.where(np.take_along_axis(unmasked(logits), order, axis=1), order, -1)


def check_resolution(model: str, logits: np.ndarray) -> None:
    """Refuse logits so far from 0 that float32 cannot tell classes apart.

    Args:
        model: id.
        logits: float32 (N, K) of clean images.

    Raises:
        InputError: for most images the steps of float32 are too coarse.
    """
    largest = logits.max(axis=1)
    scale = largest - _median(logits)
    steps = np.spacing(np.abs(largest))
    if np.mean((scale > 0) & (steps > COARSEST * scale)) > 0.5:
        raise InputError(
            f"{model}: its logits are near {np.median(largest):.3g}, where float32 has steps of "
            f"{np.median(steps):.2g}, too coarse to tell classes apart. Subtract a constant from "
            "all logits inside the model; that changes no prediction."
        )


def confirmed(
    classifier: Classifier, images: np.ndarray, labels: np.ndarray, now: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which images are broken and done, bool (N,), and passes spent, int64 (N,).

    Logits in reduced precision, or from an attacker's own random draws, are computed again as in
    the final check, and only those count.

    Args:
        classifier: the attacked model.
        images: float32 (N, H, W, C).
        labels: int64 (N,).
        now: bool (N,), which images are broken by the logits at hand.
    """
    sure, (rows, logits) = now.copy(), judging_logits(classifier, images, now)
    sure[rows] = broken(logits, labels[rows], STOP_LEAD)
    asked = np.zeros(len(now), np.int64)
    asked[rows] = 1
    return sure, asked


def judging_logits(
    classifier: Classifier, images: np.ndarray, now: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Images whose logits at hand do not judge, and the logits that do; see `confirmed`.

    Args:
        classifier: the attacked model.
        images: float32 (N, H, W, C).
        now: bool (N,), which images are broken by the logits at hand.

    Returns:
        Rows int64 (M,) of images to judge anew, and their logits float32 (M, K).
    """
    judged_so = classifier.exact is classifier and not classifier.draws_apart
    rows = np.flatnonzero(now & (not judged_so))
    if not len(rows):
        return rows, np.empty((0, classifier.scheme.num_classes), np.float32)
    return rows, classifier.logits(images[rows])
