"""One perturbation for every face: learnt ahead on some faces, then shown to any other.

Nothing is asked of the classifier when it is shown, so it costs nothing there. `attacks/art_bridge`
has ART's, which learn on the very images that they attack.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from attacks.base import Keys
from attacks.broken import broken
from fer_models.classifier import DifferentiableClassifier
from fer_models.losses import Loss

BATCH = 50
MOMENTUM = 0.9
FIRST_STEP = 0.2
"""Of the range of a pixel's value; it falls to zero as a cosine."""

Shown = tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]
"""Images with the perturbation, and how their gradients (N, H, W, C) add up to its own."""


@dataclass(frozen=True, eq=False)
class UniversalPerturbation:
    """A pattern that is added to whole images.

    Attributes:
        pattern: float32 (H, W, C) in [-1, 1], times eps what is added.
    """

    pattern: np.ndarray

    def show(self, images: np.ndarray, eps: float) -> np.ndarray:
        """Images float32 (N, H, W, C) with the perturbation, within eps in Linf and in [0, 1]."""
        return np.clip(images + np.float32(eps) * self.pattern, 0, 1)


@dataclass(frozen=True, eq=False)
class Sticker:
    """A square patch in any grey that is stuck somewhere on an image.

    Attributes:
        patch: float32 (S, S, C) in [0, 1].
    """

    patch: np.ndarray

    def show(self, images: np.ndarray, keys: Keys) -> np.ndarray:
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
        classifier: what is to be misled.
        images: float32 (N, H, W, C) in [0, 1], to learn on.
        labels: int64 (N,), classes to get away from.
        eps: Linf radius at which it is learnt.
        passes: over the images.
        seed: of the order of the images.

    Source: Shafahi et al. 2020, arXiv 1811.11304, algorithm 1, with momentum; an image counts while
    it stands, and all that count count alike.
    """

    def show(value: np.ndarray, part: np.ndarray, rng: np.random.Generator) -> Shown:
        shown = UniversalPerturbation(value).show(part, eps)
        return shown, lambda gradients: gradients.sum(axis=0)

    start = np.zeros(images.shape[1:], np.float32)
    return UniversalPerturbation(
        _ascend(classifier, images, labels, show, start, (-1.0, 1.0), passes, seed)
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
    """Learn a patch under random places.

    Args:
        classifier: what is to be misled.
        images: float32 (N, H, W, C) in [0, 1], to learn on.
        labels: int64 (N,), classes to get away from.
        size: side of the patch as a share of the image's shorter side.
        passes: over the images, each time at other places.
        seed: of order and places.

    Source: Brown et al. 2017, arXiv 1712.09665, equation 1, over places only.
    """
    side = max(1, round(size * min(images.shape[1:3])))

    def show(value: np.ndarray, part: np.ndarray, rng: np.random.Generator) -> Shown:
        corners = [_corner(part.shape, side, rng) for _ in part]

        def gather(gradients: np.ndarray) -> np.ndarray:
            pairs = zip(gradients, corners, strict=True)
            return np.sum([g[y : y + side, x : x + side] for g, (y, x) in pairs], axis=0)

        return _stuck(part, value, corners), gather

    start = np.full((side, side, images.shape[3]), 0.5, np.float32)
    return Sticker(_ascend(classifier, images, labels, show, start, (0.0, 1.0), passes, seed))


def _ascend(
    classifier: DifferentiableClassifier,
    images: np.ndarray,
    labels: np.ndarray,
    show: Callable[[np.ndarray, np.ndarray, np.random.Generator], Shown],
    value: np.ndarray,
    limits: tuple[float, float],
    passes: int,
    seed: int,
) -> np.ndarray:
    """Sign steps with momentum on the mean gradient of the images that stand."""
    rng, velocity = np.random.default_rng(seed), np.zeros_like(value)
    starts = range(0, len(images), BATCH)
    steps = passes * len(starts)
    for turn in range(passes):
        order = rng.permutation(len(images))
        for place, start in enumerate(starts):
            rows = order[start : start + BATCH]
            shown, gather = show(value, images[rows], rng)
            found = classifier.input_gradients(shown, labels[rows], Loss.SCALED_CROSS_ENTROPY)
            lengths = np.linalg.norm(found.gradient.reshape(len(rows), -1), axis=1)
            stands = ~broken(found.logits, labels[rows], 0.0)
            counts = stands / np.maximum(lengths, np.finfo(np.float32).tiny)
            weighted = found.gradient * counts[:, None, None, None].astype(np.float32)
            velocity = MOMENTUM * velocity + gather(weighted)
            done = (turn * len(starts) + place) / steps
            step = FIRST_STEP * (limits[1] - limits[0]) * 0.5 * (1 + math.cos(math.pi * done))
            value = np.clip(value + np.float32(step) * np.sign(velocity), *limits)
    return value


def _corner(shape: tuple[int, ...], side: int, draw: np.random.Generator) -> tuple[int, int]:
    """Top and left of a patch inside an image, each place as likely."""
    top, left = (int(draw.integers(length - side + 1)) for length in shape[1:3])
    return top, left


def _stuck(images: np.ndarray, patch: np.ndarray, corners: list[tuple[int, int]]) -> np.ndarray:
    stuck, side = images.copy(), len(patch)
    for image, (top, left) in zip(stuck, corners, strict=True):
        image[top : top + side, left : left + side] = patch
    return stuck
