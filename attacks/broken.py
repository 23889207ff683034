"""When an image counts as broken: another class leads clearly over the true one."""

import numpy as np

from fer_models.classifier import Classifier

LEAD = 1e-5
"""An image is broken when another class leads by more than this share of the logits that decide.

Last-bit differences between batches are smaller, so predicting again from the stored image gives
the same flag. Attacks that stop early ask for `STOP_LEAD`, so the final check agrees with them.
"""
STOP_LEAD = 2 * LEAD


def broken(logits: np.ndarray, labels: np.ndarray, lead: float = LEAD) -> np.ndarray:
    """Whether another class leads clearly, bool (N,).

    Args:
        logits: float32 (N, K).
        labels: int64 (N,) in [0, K).
        lead: by which share of the larger of both classes' |logits|, or of the median |logit|, it
            must lead. Not of the largest: a model may mask a class by a huge negative logit.
    """
    rows = np.arange(len(labels))
    others = logits.astype(np.float64)
    true = others[rows, labels]
    scale = np.median(np.abs(others), axis=1)
    others[rows, labels] = -np.inf
    best = others.max(axis=1, initial=-np.inf)
    scale = np.maximum(scale, np.maximum(np.abs(true), np.abs(best)))
    return best - true > lead * scale


def confirmed(
    classifier: Classifier, images: np.ndarray, labels: np.ndarray, now: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which images may leave because they are broken, bool (N,), and passes spent, int64 (N,).

    Logits in reduced precision, or from an attacker's own random draws, are computed again as the
    attack will be judged, and only those count.

    Args:
        classifier: the attacked model.
        images: float32 (N, H, W, C).
        labels: int64 (N,).
        now: bool (N,), which images are broken by the logits at hand.
    """
    judged_so = classifier.exact is classifier and not classifier.draws_apart
    if judged_so or not now.any():
        return now, np.zeros(len(now), np.int64)
    sure, rows = now.copy(), np.flatnonzero(now)
    sure[rows] = broken(classifier.logits(images[rows]), labels[rows], STOP_LEAD)
    return sure, now.astype(np.int64)
