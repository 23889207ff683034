"""A face detector's box that is a little off."""

from typing import ClassVar

import numpy as np

from attacks.base import Keys
from attacks.corruptions.base import Corruption
from attacks.corruptions.geometry.warps import warp


class CropJitter(Corruption):
    """Moves each side of the crop on its own, outwards or inwards, by up to a share; own table.

    The same draw at every severity, scaled.
    """

    name: ClassVar[str] = "crop_jitter"
    shares = (0.03, 0.06, 0.1, 0.14, 0.19)

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        height, width = images.shape[1:3]
        drawn = np.array([draw.uniform(-1, 1, 4) for draw in keys.generators()])
        top, bottom, left, right = self.shares[severity - 1] * drawn.T
        maps = np.zeros((len(images), 2, 3))
        maps[:, 0, 0], maps[:, 1, 1] = 1 + (right - left), 1 + (bottom - top)
        maps[:, 0, 2], maps[:, 1, 2] = width * (left + right) / 2, height * (top + bottom) / 2
        return warp(images, maps)
