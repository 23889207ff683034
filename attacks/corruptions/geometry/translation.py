"""A face that is not in the middle."""

from typing import ClassVar

import numpy as np

from attacks.base import Keys
from attacks.corruptions.base import Corruption
from attacks.corruptions.geometry.warps import warp


class Translation(Corruption):
    """Shifts by a share of the image's height, in a direction drawn per row; own table."""

    name: ClassVar[str] = "translation"
    shares = (0.02, 0.04, 0.07, 0.1, 0.14)

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        angles = np.array([draw.uniform(0, 2 * np.pi) for draw in keys.generators()])
        length = self.shares[severity - 1] * images.shape[1]
        maps = np.zeros((len(images), 2, 3))
        maps[:, 0, 0] = maps[:, 1, 1] = 1
        maps[:, 0, 2], maps[:, 1, 2] = length * np.cos(angles), length * np.sin(angles)
        return warp(images, maps)
