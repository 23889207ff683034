"""Whether gradients foretell how a classifier's answers change; no attack.

Where they do, attacks by gradients see what there is to see near an image. Where they do not (input
that is rounded, gradients of another function, noise), random search may find more.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from attacks.base import Cost, Keys
from attacks.broken import likeliest
from attacks.gradient_attack import zero_gradients
from fer_models.classifier import Classifier, DifferentiableClassifier
from fer_models.losses import Loss

TILES = (1, 2, 4, 8, 1, 2, 4, 8)
"""Sides, in pixels, of the tiles of one sign in the steps that are tried."""
DRAW = 1
"""Number of the random draws, as of a restart: Square has those of 0."""


class Lead(NamedTuple):
    """How far the likeliest other class leads in N images, and its gradient.

    Attributes:
        images: float32 (N, H, W, C).
        labels: int64 (N,).
        targets: int64 (N,), the likeliest other classes.
        logits: of the images, float32 (N, K).
        gradient: of the lead by the pixels, float32 (N, H, W, C).
    """

    images: np.ndarray
    labels: np.ndarray
    targets: np.ndarray
    logits: np.ndarray
    gradient: np.ndarray

    def after(self, logits: np.ndarray) -> np.ndarray:
        """The leads in other logits (N, K), float64 (N,)."""
        rows, wide = np.arange(len(logits)), logits.astype(np.float64)
        return wide[rows, self.targets] - wide[rows, self.labels]

    def take(self, rows: np.ndarray) -> "Lead":
        """Those of some images."""
        return Lead(*(each[rows] for each in self))


class Changes(NamedTuple):
    """Changes of a lead over S steps, float64 (S, N): the real ones, and those foretold."""

    real: np.ndarray
    foretold: np.ndarray


def foretelling(
    classifier: Classifier, images: np.ndarray, labels: np.ndarray, size: float, keys: Keys
) -> tuple[np.ndarray, Cost]:
    """How well gradients foretell small random steps.

    The lead of the likeliest other class is followed over steps of +-`size` on every pixel, tile by
    tile. The answer is the cosine between its changes, by the logits that the final check uses, and
    those that the gradient foretells: near 1 for a smooth net whose gradients are its own, near 0
    if they are not, and 0 where all are zero.

    Args:
        classifier: differentiable.
        images: float32 (N, H, W, C).
        labels: int64 (N,).
        size: step on each pixel.
        keys: of the images.

    Returns:
        float64 (N,) in [-1, 1], and what was spent.
    """
    exact = classifier.exact
    assert isinstance(exact, DifferentiableClassifier)
    logits = classifier.logits(images)
    targets = likeliest(logits, labels, 1)[:, 0]
    gradient = exact.input_gradients(images, labels, Loss.MARGIN, targets).gradient
    lead = Lead(images, labels, targets, logits, gradient)
    found = changes(classifier.logits, lead, size, keys)
    ones = np.ones(len(images), np.int64)
    cost = Cost((len(TILES) + 2) * ones, ones, zero_gradients(gradient))
    return cosine(found.real, found.foretold), cost


def changes(
    answers: Callable[[np.ndarray], np.ndarray], lead: Lead, size: float, keys: Keys
) -> Changes:
    """Real and foretold changes of a lead over random steps; the same signs for every size.

    Args:
        answers: from images to logits, as those of `lead`.
        lead: of N images.
        size: step on each pixel.
        keys: of the images.
    """
    draws, real, foretold = list(keys.with_restart(DRAW).generators()), [], []
    before = lead.after(lead.logits)
    for side in TILES:
        signs = np.stack([_signs(draw, lead.images.shape[1:], side) for draw in draws])
        moved = np.clip(lead.images + np.float32(size) * signs, 0, 1)
        real.append(lead.after(answers(moved)) - before)
        step = moved - lead.images
        foretold.append(np.einsum("nhwc,nhwc->n", lead.gradient, step, dtype=np.float64))
    return Changes(np.array(real), np.array(foretold))


def cosine(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Cosine of the columns of two arrays float64 (S, N), (N,); 0 where one is all zero."""
    lengths = np.sqrt(np.square(one).sum(axis=0) * np.square(other).sum(axis=0))
    found: np.ndarray = (one * other).sum(axis=0) / np.maximum(lengths, np.finfo(np.float64).tiny)
    return found


def _signs(draw: np.random.Generator, shape: tuple[int, ...], side: int) -> np.ndarray:
    """Tiles of +-1, the same in all channels, float32 (H, W, 1)."""
    height, width, _ = shape
    tiles = draw.choice(np.array([-1, 1], np.float32), (-(-height // side), -(-width // side)))
    return np.kron(tiles, np.ones((side, side), np.float32))[:height, :width, None]
