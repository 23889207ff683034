"""One perturbation for every face: learnt on some faces, then applied to any other.

Applying it needs no pass through the classifier. Not here: ART's attacks of this kind, which learn
on the very images that they attack (`attacks/art_bridge/universal.py`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from attacks.base import Keys
from attacks.broken import broken, confirmed
from fer_models.classifier import DifferentiableClassifier
from fer_models.losses import Loss

BATCH = 50
MOMENTUM = 0.9
FIRST_STEP = 0.2
"""First step, as a share of a pixel's range; steps fall to zero along a cosine."""

Placed = tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]
"""Images with the perturbation, and a function from their gradients (N, H, W, C) to its own."""


@dataclass(frozen=True, eq=False)
class UniversalPerturbation:
    """A pattern that is added to whole images.

    Attributes:
        pattern: float32 (H, W, C) in [-1, 1]; times eps, it is added to each image.
    """

    pattern: np.ndarray

    def apply(self, images: np.ndarray, eps: float) -> np.ndarray:
        """Images float32 (N, H, W, C) with the perturbation, within eps in Linf and in [0, 1]."""
        return np.clip(images + np.float32(eps) * self.pattern, 0, 1)


@dataclass(frozen=True, eq=False)
class Sticker:
    """A square patch of any grey levels that is put somewhere on an image.

    Attributes:
        patch: float32 (S, S, C) in [0, 1].
    """

    patch: np.ndarray

    def apply(self, images: np.ndarray, keys: Keys) -> np.ndarray:
        """Images float32 (N, H, W, C), each with the sticker at its own random place."""
        side = len(self.patch)
        corners = [_corner(images.shape, side, draw) for draw in keys.generators()]
        return _stuck(images, self.patch, corners)


def learn_universal(
    classifier: DifferentiableClassifier,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    eps: float,
    passes: int = 6,
    seed: int = 0,
) -> UniversalPerturbation:
    """Learn a perturbation by stochastic gradient ascent over images.

    Args:
        classifier: the model to fool.
        images: float32 (N, H, W, C) in [0, 1], to learn from.
        labels: int64 (N,), classes to move away from.
        eps: Linf radius at which it is learnt.
        passes: passes over the images.
        seed: random seed of the order of the images.

    Source: Shafahi et al. 2020, arXiv 1811.11304, algorithm 1, with momentum; an image counts
    until it is broken, and all that count have the same weight.
    """

    def place(value: np.ndarray, part: np.ndarray, rng: np.random.Generator) -> Placed:
        attacked = UniversalPerturbation(value).apply(part, eps)
        return attacked, lambda gradients: gradients.sum(axis=0)

    start = np.zeros(images.shape[1:], np.float32)
    return UniversalPerturbation(
        _ascend(classifier, images, labels, place, start, (-1.0, 1.0), passes, seed)
    )


def learn_sticker(
    classifier: DifferentiableClassifier,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    size: float = 0.3,
    passes: int = 10,
    seed: int = 0,
) -> Sticker:
    """Learn a patch at random places.

    Args:
        classifier: the model to fool.
        images: float32 (N, H, W, C) in [0, 1], to learn from.
        labels: int64 (N,), classes to move away from.
        size: side of the patch as a share of the image's shorter side.
        passes: passes over the images, each time at other places.
        seed: random seed of the order and the places.

    Source: Brown et al. 2017, arXiv 1712.09665, equation 1, over places only.
    """
    side = max(1, round(size * min(images.shape[1:3])))

    def place(value: np.ndarray, part: np.ndarray, rng: np.random.Generator) -> Placed:
        corners = [_corner(part.shape, side, rng) for _ in part]

        def gather(gradients: np.ndarray) -> np.ndarray:
            pairs = zip(gradients, corners, strict=True)
            return np.sum([g[y : y + side, x : x + side] for g, (y, x) in pairs], axis=0)

        return _stuck(part, value, corners), gather

    start = np.full((side, side, images.shape[3]), 0.5, np.float32)
    return Sticker(_ascend(classifier, images, labels, place, start, (0.0, 1.0), passes, seed))


def _ascend(
    classifier: DifferentiableClassifier,
    images: np.ndarray,
    labels: np.ndarray,
    place: Callable[[np.ndarray, np.ndarray, np.random.Generator], Placed],
    value: np.ndarray,
    limits: tuple[float, float],
    passes: int,
    seed: int,
) -> np.ndarray:
    """Sign steps with momentum on the mean gradient of the images that are not broken."""
    rng, velocity = np.random.default_rng(seed), np.zeros_like(value)
    starts = range(0, len(images), BATCH)
    steps = passes * len(starts)
    for turn in range(passes):
        order = rng.permutation(len(images))
        for batch, start in enumerate(starts):
            rows = order[start : start + BATCH]
            attacked, gather = place(value, images[rows], rng)
            with classifier.drawn(turn * len(starts) + batch):
                found = classifier.input_gradients(
                    attacked, labels[rows], Loss.SCALED_CROSS_ENTROPY
                )
            lengths = np.linalg.norm(found.gradient.reshape(len(rows), -1), axis=1)
            now = broken(found.logits, labels[rows], 0.0)
            now, _ = confirmed(classifier, attacked, labels[rows], now)
            counts = ~now / np.maximum(lengths, np.finfo(np.float32).tiny)
            weighted = found.gradient * counts[:, None, None, None].astype(np.float32)
            velocity = MOMENTUM * velocity + gather(weighted)
            done = (turn * len(starts) + batch) / steps
            step = FIRST_STEP * (limits[1] - limits[0]) * 0.5 * (1 + math.cos(math.pi * done))
            value = np.clip(value + np.float32(step) * np.sign(velocity), *limits)
    return value


def _corner(shape: tuple[int, ...], side: int, draw: np.random.Generator) -> tuple[int, int]:
    """Top and left of a patch inside an image, all places equally likely."""
    top, left = (int(draw.integers(length - side + 1)) for length in shape[1:3])
    return top, left


def _stuck(images: np.ndarray, patch: np.ndarray, corners: list[tuple[int, int]]) -> np.ndarray:
    stuck, side = images.copy(), len(patch)
    for image, (top, left) in zip(stuck, corners, strict=True):
        image[top : top + side, left : left + side] = patch
    return stuck
