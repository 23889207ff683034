"""Glass blur: seen through frosted glass."""

from typing import ClassVar

import numpy as np
from scipy.ndimage import gaussian_filter

from attacks.base import Keys
from attacks.corruptions.base import Corruption
from attacks.corruptions.severity import between

ITERATIONS = 2


class GlassBlur(Corruption):
    """Blurs, replaces a share of the pixels by random neighbours, once or twice, and blurs again.

    The published code swaps all pixels one after the other; here they are replaced at once, and
    only some at low severity, since more blur alone would bring the image closer to the clean one
    again. Where the mean of the published reach or iterations is the root of 2, reach is 2 and
    iterations 1.
    """

    name: ClassVar[str] = "glass_blur"
    standard_deviations = between(
        at_32px=(0.05, 0.25, 0.4, 0.25, 0.4), at_64px=(0.1, 0.5, 0.6, 0.7, 0.9)
    )
    shares = (0.4, 0.7, 1.0, 1.0, 1.0)
    reaches = (1, 1, 1, 2, 2)
    iterations = (1, 1, 1, 1, 2)

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        sigma, reach = self.standard_deviations[severity - 1], self.reaches[severity - 1]
        size = (ITERATIONS, 3, *images.shape[1:3])
        drawn = np.array([draw.random(size, np.float32) for draw in keys.generators()])
        shifts = np.floor((2 * drawn[:, :, :2] - 1) * reach).astype(np.int64)  # -reach to reach - 1
        shifts *= drawn[:, :, 2:] < self.shares[severity - 1]
        shuffled = _blur(images, sigma)
        for i in range(self.iterations[severity - 1]):
            shuffled = _take(shuffled, shifts[:, i, 0], shifts[:, i, 1])
        return np.clip(_blur(shuffled, sigma), 0, 1)


def _blur(images: np.ndarray, sigma: float) -> np.ndarray:
    return gaussian_filter(images, (0, sigma, sigma, 0), mode="nearest")


def _take(images: np.ndarray, down: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Every pixel from `down` rows below and `right` columns to the right, int (N, H, W) each."""
    count, height, width = images.shape[:3]
    rows = np.clip(np.arange(height)[:, None] + down, 0, height - 1)
    columns = np.clip(np.arange(width) + right, 0, width - 1)
    return images[np.arange(count)[:, None, None], rows, columns]
