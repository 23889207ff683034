"""AugMix: chains of simple operations on a face, mixed with each other and with the face itself.

Hendrycks et al. 2020, "AugMix: A Simple Data Processing Method to Improve Robustness and
Uncertainty", arXiv 1912.02781, algorithm 1, with the operations, width and severity of its
reference code. Contrast, brightness and sharpness are left out, as there, because nets are judged
on such corruptions; rotation and translation, which nets are judged on here as well, are not. Edges
are repeated, where the reference has black ones. The consistency loss is not part of it; a teacher
that sees the face before it is mixed asks for consistency, too.
"""

from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image, ImageOps

WIDTH, DEEPEST, SEVERITY = 3, 3, 3
"""Chains of an image, most operations of a chain, and largest strength in tenths."""


def augmix(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mix every image with chains of operations.

    Args:
        images: float32 (N, H, W, C) in [0, 1].
        rng: source of all random draws.

    Returns:
        float32 (N, H, W, C) in [0, 1].
    """
    shares = rng.dirichlet(np.ones(WIDTH), len(images))
    own = rng.beta(1, 1, len(images))
    levels = np.rint(255 * images).astype(np.uint8)
    mixed = np.zeros_like(images)
    for i, image in enumerate(levels):
        for share in shares[i]:
            changed = image
            for _ in range(rng.integers(1, DEEPEST + 1)):
                operation = OPERATIONS[rng.integers(len(OPERATIONS))]
                changed = operation(changed, rng.uniform(0.1, SEVERITY) / 10, rng)
            mixed[i] += np.float32(share / 255) * changed
    part = own.astype(np.float32)[:, None, None, None]
    return np.clip(part * images + (1 - part) * mixed, 0, 1)


Operation = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
"""Changes an image uint8 (H, W, C), by a strength in (0, 1)."""


def _autocontrast(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    return _by_pillow(image, ImageOps.autocontrast)


def _equalize(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    return _by_pillow(image, ImageOps.equalize)


def _posterize(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    return _by_pillow(image, lambda picture: ImageOps.posterize(picture, 4 - int(4 * strength)))


def _solarize(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    return _by_pillow(image, lambda picture: ImageOps.solarize(picture, 256 - int(256 * strength)))


def _by_pillow(image: np.ndarray, change: Callable[[Image.Image], Image.Image]) -> np.ndarray:
    picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    return np.asarray(change(picture)).reshape(image.shape)


def _rotate(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    angle = _either_way(30 * strength, rng)
    height, width = image.shape[:2]
    return _warp(image, cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1))


def _shear_x(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    return _warp(image, np.array([[1, _either_way(0.3 * strength, rng), 0], [0, 1, 0]]))


def _shear_y(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    return _warp(image, np.array([[1, 0, 0], [_either_way(0.3 * strength, rng), 1, 0]]))


def _move_x(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    pixels = _either_way(image.shape[1] / 3 * strength, rng)
    return _warp(image, np.array([[1, 0, pixels], [0, 1, 0]]))


def _move_y(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    pixels = _either_way(image.shape[0] / 3 * strength, rng)
    return _warp(image, np.array([[1, 0, 0], [0, 1, pixels]]))


def _either_way(size: float, rng: np.random.Generator) -> float:
    return float(size if rng.random() < 0.5 else -size)


def _warp(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    border = cv2.BORDER_REPLICATE
    return cv2.warpAffine(image, matrix, (width, height), borderMode=border).reshape(image.shape)


OPERATIONS: tuple[Operation, ...] = (
    _autocontrast,
    _equalize,
    _posterize,
    _rotate,
    _solarize,
    _shear_x,
    _shear_y,
    _move_x,
    _move_y,
)
"""The nine of the reference code."""
