"""Whether gradients foretell how a classifier's answers change; no attack.

Where they do, attacks by gradients see what there is to see near an image. Where they do not (input
that is rounded, gradients of another function, noise), random search may find more.
"""

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
    before, rows = classifier.logits(images).astype(np.float64), np.arange(len(images))
    targets = likeliest(before, labels, 1)[:, 0]
    gradient = exact.input_gradients(images, labels, Loss.MARGIN, targets).gradient
    draws, changes, foretold = list(keys.with_restart(DRAW).generators()), [], []
    for side in TILES:
        signs = np.stack([_signs(draw, images.shape[1:], side) for draw in draws])
        moved = np.clip(images + np.float32(size) * signs, 0, 1)
        after = classifier.logits(moved).astype(np.float64) - before
        changes.append(after[rows, targets] - after[rows, labels])
        foretold.append(np.einsum("nhwc,nhwc->n", gradient, moved - images, dtype=np.float64))
    real, said = np.array(changes), np.array(foretold)
    lengths = np.sqrt(np.square(real).sum(axis=0) * np.square(said).sum(axis=0))
    ones = np.ones(len(images), np.int64)
    cost = Cost((len(TILES) + 2) * ones, ones, zero_gradients(gradient))
    return (real * said).sum(axis=0) / np.maximum(lengths, np.finfo(np.float64).tiny), cost


def _signs(draw: np.random.Generator, shape: tuple[int, ...], side: int) -> np.ndarray:
    """Tiles of +-1, the same in all channels, float32 (H, W, 1)."""
    height, width, _ = shape
    tiles = draw.choice(np.array([-1, 1], np.float32), (-(-height // side), -(-width // side)))
    return np.kron(tiles, np.ones((side, side), np.float32))[:height, :width, None]
