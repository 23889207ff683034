"""Certified radius by randomised smoothing: no change within the radius alters the prediction.

It certifies the classifier's most frequent prediction under Gaussian noise, not its prediction for
the face itself; each certificate is right with a probability of at least 1 - alpha.

Source: Cohen, Rosenfeld & Kolter 2019, "Certified adversarial robustness via randomized smoothing",
arXiv 1902.02918, section 3.2 (Certify), theorem 1; Clopper & Pearson 1934, Biometrika 26, 404-413.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import beta, norm

from attacks.base import Keys
from datasets.labels import NO_LABEL
from fer_models.classifier import Classifier

_BATCH = 256
"""Noisy copies of a face drawn at once."""


class Certificates(NamedTuple):
    """What smoothing certifies for N faces.

    Attributes:
        prediction: int64 (N,), class of the smoothed classifier; -1 where it abstains.
        radius: float64 (N,), L2 radius within which that class is certain; 0 where it abstains.
        counts: int64 (N, K), how often each class was predicted under the noise of the estimate.
    """

    prediction: np.ndarray
    radius: np.ndarray
    counts: np.ndarray


def certified_radius(count: np.ndarray, samples: int, *, sigma: float, alpha: float) -> np.ndarray:
    """Return the L2 radius that `count` of `samples` noisy predictions certify, float64 (N,).

    sigma times the normal quantile of the one-sided exact (Clopper-Pearson) lower bound of the
    share, where that is above one half; else NaN: abstain.

    Args:
        count: int64 (N,) in [0, samples].
        samples: noisy copies per face.
        sigma: standard deviation of the noise; pixels are in [0, 1].
        alpha: probability that a certificate is wrong, in (0, 1).

    Raises:
        ValueError: a count is outside [0, samples].
    """
    count = np.asarray(count, np.int64)
    if ((count < 0) | (count > samples)).any():
        raise ValueError(f"`count` must be in [0, {samples}]. Received: {count}")
    low = beta.ppf(alpha, np.maximum(count, 1), samples - count + 1)
    sure = (count > 0) & (low > 0.5)
    return np.where(sure, sigma * norm.ppf(np.where(sure, low, 0.5)), np.nan)


def certify(
    classifier: Classifier,
    images: np.ndarray,
    keys: Keys,
    *,
    sigma: float,
    selection: int,
    samples: int,
    alpha: float,
) -> Certificates:
    """Certify N faces: choose a class from some noisy copies, bound its probability from others.

    Noisy pixels are clipped to [0, 1]. Clipping counts as part of the classifier, so the theorem
    holds and any model can be certified.

    Args:
        classifier: any model.
        images: float32 (N, H, W, C) in [0, 1].
        keys: keys of the N rows; the noise depends on seed and row.
        sigma: standard deviation of the noise; pixels are in [0, 1].
        selection: noisy copies that choose the class.
        samples: further noisy copies that bound its probability.
        alpha: probability that a certificate is wrong.
    """
    counts = np.zeros((len(images), classifier.scheme.num_classes), np.int64)
    chosen = np.zeros(len(images), np.int64)
    for row, (image, rng) in enumerate(zip(images, keys.generators(), strict=True)):
        chosen[row] = _answers(classifier, image, rng, sigma, selection).argmax()
        counts[row] = _answers(classifier, image, rng, sigma, samples)
    own = counts[np.arange(len(images)), chosen]
    radius = certified_radius(own, samples, sigma=sigma, alpha=alpha)
    held = ~np.isnan(radius)
    return Certificates(np.where(held, chosen, NO_LABEL), np.where(held, radius, 0.0), counts)


def _answers(
    classifier: Classifier, image: np.ndarray, rng: np.random.Generator, sigma: float, count: int
) -> np.ndarray:
    """Count the predictions for `count` noisy copies of an image, int64 (K,)."""
    total = np.zeros(classifier.scheme.num_classes, np.int64)
    for start in range(0, count, _BATCH):
        size = (min(_BATCH, count - start), *image.shape)
        noise = rng.standard_normal(size, np.float32) * np.float32(sigma)
        answers = classifier.predict(np.clip(image + noise, 0, 1))
        total += np.bincount(answers, minlength=len(total))
    return total
