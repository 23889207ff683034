"""Resampling of images as weights: each output row or column is a weighted sum of input ones.

Numpy only, so that every framework resamples alike: `rows @ image @ columns.T`, which is linear,
so its gradient is exact. Pixel centres lie at half integers, as in PIL, OpenCV, PyTorch with
`align_corners=False` and `tf.image.resize`.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from fer_models.contract import Contract, Resampling


def resize_weights(height: int, width: int, contract: Contract) -> tuple[np.ndarray, np.ndarray]:
    """Weights that bring images to the size of a contract, its centre crop included.

    Args:
        height: rows of the images.
        width: columns of the images.
        contract: size, resampling, and the size before the crop.

    Returns:
        float32 (contract.height, height) for rows and (contract.width, width) for columns.
    """
    target_height, target_width = contract.resized or (contract.height, contract.width)
    if contract.keep_aspect:
        target_height, target_width = _covering(height, width, target_height, target_width)
    kind = contract.resampling
    rows = resampling_weights(height, target_height, kind)
    columns = resampling_weights(width, target_width, kind)
    return _centre(rows, contract.height), _centre(columns, contract.width)


def _covering(height: int, width: int, least_height: int, least_width: int) -> tuple[int, int]:
    """The smallest size of this aspect with at least these sides; the longer one is rounded down.

    In whole numbers: a scale in floats would make sides of 511.99... and lose a pixel.
    """
    if least_height * width >= least_width * height:
        return least_height, least_height * width // height
    return least_width * height // width, least_width


@lru_cache(maxsize=64)
def resampling_weights(size: int, target: int, kind: Resampling) -> np.ndarray:
    """Weights of `size` pixels in each of `target` pixels, float32 (target, size); rows sum to 1.

    Source: Keys 1981, "Cubic convolution interpolation for digital image processing"; how borders
    and reductions are treated is that of PIL (`ImagingResample`) for antialiased kinds, else of
    PyTorch's `interpolate` (`bicubic_keras`: of `tf.image.resize`). `nearest` takes the pixel that
    holds the centre of the new one, as `nearest-exact` of PyTorch; its `nearest` does not.

    Args:
        size: pixels of a row or column of the images.
        target: pixels of it after resampling.
        kind: nearest, bilinear, ...
    """
    scale = size / target
    if kind is Resampling.NEAREST:
        weights = np.eye(size)[(2 * np.arange(target) + 1) * size // (2 * target)]
    elif kind is Resampling.AREA:
        weights = _overlaps(size, target)
    else:
        kernel, support, antialiased = _KERNELS[kind]
        width = max(scale, 1.0) if antialiased else 1.0
        centres = (np.arange(target) + 0.5) * scale
        # beyond the border PyTorch's bicubic repeats the last pixel, the others leave it out
        beyond = support if kind is Resampling.BICUBIC else 0
        pixels = np.arange(-beyond, size + beyond) + 0.5
        around = kernel((pixels[None] - centres[:, None]) / width)
        inside = np.clip(np.floor(pixels).astype(int), 0, size - 1)
        weights = np.zeros((target, size))
        for column, pixel in enumerate(inside):
            weights[:, pixel] += around[:, column]
    normalised: np.ndarray = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return normalised


def _centre(weights: np.ndarray, count: int) -> np.ndarray:
    """The middle `count` rows; of an odd rest the smaller half comes first."""
    first = (len(weights) - count) // 2
    return weights[first : first + count]


def _overlaps(size: int, target: int) -> np.ndarray:
    """How much of each pixel lies in each part of `target` equal ones, (target, size)."""
    edges = np.arange(target + 1) * (size / target)
    pixels = np.arange(size)
    right = np.minimum(edges[1:, None], pixels[None] + 1)
    left = np.maximum(edges[:-1, None], pixels[None])
    return np.maximum(right - left, 0)


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(x), 0)


def _cubic(x: np.ndarray, a: float) -> np.ndarray:
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x**2 + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _lanczos(x: np.ndarray) -> np.ndarray:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


_KERNELS: dict[Resampling, tuple[Callable[[np.ndarray], np.ndarray], int, bool]] = {
    Resampling.BILINEAR: (_triangle, 1, False),
    Resampling.BILINEAR_ANTIALIAS: (_triangle, 1, True),
    Resampling.BICUBIC: (lambda x: _cubic(x, -0.75), 2, False),
    Resampling.BICUBIC_KERAS: (lambda x: _cubic(x, -0.5), 2, False),
    Resampling.BICUBIC_ANTIALIAS: (lambda x: _cubic(x, -0.5), 2, True),
    Resampling.LANCZOS_ANTIALIAS: (_lanczos, 3, True),
}
"""Kernel, its reach in pixels, and whether it widens when an image becomes smaller."""
