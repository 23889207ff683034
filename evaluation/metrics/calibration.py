"""How reliable a classifier's probabilities are: calibration error, Brier score, NLL.

Pure numpy functions of logits float (N, K) and labels int64 (N,) in [0, K). Confidence is the
probability of the predicted class.

Not here: intervals (`evaluation/statistics/intervals.py`), votes in place of labels
(`evaluation/metrics/votes.py`).
"""

import numpy as np
from scipy.special import log_softmax, softmax

BINS = 15
"""Number of bins of every calibration error, as in Guo et al. 2017."""


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax, float64 (N, K).

    Raises:
        ValueError: not (N, K), K >= 2.
    """
    return softmax(_checked(logits), axis=1)


def are_labels_only(logits: np.ndarray) -> bool:
    """Whether all logits (N, K) are 1 for one class and 0 for the others.

    So a model that returns labels only is stored; it has no probabilities.
    """
    shape = _checked(logits)
    return bool(len(shape) and ((shape == 0) | (shape == 1)).all() and (shape.sum(1) == 1).all())


def negative_log_likelihood(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """-log of the probability of the label, float64 (N,), in nats."""
    logits = _checked(logits, labels)
    return -log_softmax(logits, axis=1)[np.arange(len(labels)), labels]


def brier(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Squared distance of the probabilities from the one-hot label, float64 (N,) in [0, 2].

    Source: Brier 1950, Monthly Weather Review 78, 1-3 (the sum over all classes).
    """
    shares = probabilities(_checked(logits, labels))
    return np.square(shares - np.eye(shares.shape[1])[labels]).sum(axis=1)


def equal_width_bins(confidence: np.ndarray, *, bins: int = BINS) -> np.ndarray:
    """Bin of each confidence, int64 (N,): ((b / B), (b + 1) / B] for b in [0, B).

    Source: Guo et al. 2017, "On calibration of modern neural networks", arXiv 1706.04599.
    """
    confidence = np.asarray(confidence, np.float64)
    return np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)


def adaptive_bins(confidence: np.ndarray, *, bins: int = BINS) -> np.ndarray:
    """Bin of each confidence, int64 (N,), so that all bins hold equally many images (or one more).

    Source: Nguyen & O'Connor 2015, arXiv 1508.05154; Nixon et al. 2019, arXiv 1904.01685.
    """
    confidence = np.asarray(confidence, np.float64)
    places = np.empty(len(confidence), np.int64)
    places[np.argsort(confidence, kind="stable")] = np.arange(len(confidence))
    return places * bins // max(len(confidence), 1)


def gaps(confidence: np.ndarray, right: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Confidence minus correctness of each image, in the column of its bin.

    Args:
        confidence: float64 (N,) in [0, 1].
        right: (N,) in [0, 1]: whether the prediction is correct, or the share of people who agree.
        bins: int64 (N,) bin of each image.

    Returns:
        float64 (N, B); the mean of each column is the bin's share of the calibration error.
    """
    bins = np.asarray(bins, np.int64)
    columns = np.zeros((len(bins), int(bins.max(initial=0)) + 1))
    columns[np.arange(len(bins)), bins] = np.asarray(confidence, np.float64) - right
    return columns


def calibration_error(mean_gaps: np.ndarray) -> np.ndarray:
    """Expected calibration error (...) from the means (..., B) of `gaps`.

    The sum over bins of |confidence - accuracy|, each weighted by its share of the images. On few
    images it is too large: even perfect probabilities give more than 0.

    Source: Naeini, Cooper & Hauskrecht 2015, AAAI.
    """
    return np.abs(mean_gaps).sum(axis=-1)


def _checked(logits: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    logits = np.asarray(logits, np.float64)
    if logits.ndim != 2 or logits.shape[1] < 2:
        raise ValueError(f"`logits` must be (N, K), K >= 2. Received: shape={logits.shape}")
    if labels is None:
        return logits
    labels = np.asarray(labels)
    outside = labels.shape != logits.shape[:1] or labels.dtype.kind not in "iu"
    if outside or ((labels < 0) | (labels >= logits.shape[1])).any():
        raise ValueError(
            f"`labels` must be integers (N,) in [0, {logits.shape[1]}) for logits "
            f"{logits.shape}. Received: {labels.dtype} {labels.shape}"
        )
    return logits
