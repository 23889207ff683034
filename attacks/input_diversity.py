"""Input diversity: images shrunk at random and placed on black, as a linear map and its transpose.

Attacks that average gradients over such views overfit less to the surrogate.

Source: Xie et al. 2019, arXiv 1803.06978, section 3.2. Here the view is not larger than the
image, so that it fits every net.
"""

import math

import numpy as np

SMALLEST = 0.875
"""Side of the smallest view, as a share of the image's; Xie et al. use at least 299 of 330."""
DRAWS = 4
"""Uniform numbers per view: whether the image is changed, its size, its two offsets."""


class Views:
    """Views of N images: some unchanged, the others shrunk and shifted.

    Args:
        draws: float (N, 4) in [0, 1).
        share: share of the images that are changed, in [0, 1].
        height: height of the images.
        width: width of the images.
    """

    def __init__(self, draws: np.ndarray, share: float, height: int, width: int) -> None:
        scale = np.where(draws[:, 0] < share, draws[:, 1], 1.0)
        self._rows = _placed(height, scale, draws[:, 2])
        self._columns = _placed(width, scale, draws[:, 3])

    def of(self, images: np.ndarray) -> np.ndarray:
        """The views, float32 (N, H, W, C) in [0, 1], of images (N, H, W, C) in [0, 1]."""
        seen = np.einsum("nij,njkc,nlk->nilc", self._rows, images, self._columns, optimize=True)
        return np.clip(seen, 0, 1).astype(np.float32)

    def back(self, gradient: np.ndarray) -> np.ndarray:
        """Gradient (N, H, W, C) with respect to the images, from the one with respect to views."""
        return np.einsum("nij,nilc,nlk->njkc", self._rows, gradient, self._columns, optimize=True)


def _placed(side: int, scale: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Bilinear maps float32 (N, side, side) from an axis onto a shrunk and shifted copy of it.

    Args:
        side: pixels of the axis.
        scale: float (N,), 0 the smallest view, 1 the whole side.
        place: float (N,) in [0, 1), position of the copy.
    """
    smallest = math.ceil(SMALLEST * side)
    sizes = smallest + np.floor(scale * (side - smallest + 1)).clip(max=side - smallest)
    offsets = np.floor(place * (side - sizes + 1))
    pixels = np.arange(side)
    inside = pixels - offsets[:, None]
    centres = ((inside + 0.5) * (side / sizes)[:, None] - 0.5).clip(0, side - 1)
    weights = np.maximum(0, 1 - np.abs(centres[:, :, None] - pixels))
    weights[(inside < 0) | (inside >= sizes[:, None])] = 0
    return weights.astype(np.float32)
