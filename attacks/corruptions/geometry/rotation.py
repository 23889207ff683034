"""A tilted head."""

from typing import ClassVar

import numpy as np

from attacks.base import Keys
from attacks.corruptions.base import Corruption
from attacks.corruptions.geometry.warps import warp


class Rotation(Corruption):
    """Turns by an angle, to a side drawn per row; degrees, own table."""

    name: ClassVar[str] = "rotation"
    angles = (5.0, 10.0, 15.0, 22.0, 30.0)

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        sides = np.array([draw.choice((-1, 1)) for draw in keys.generators()])
        angles = np.radians(self.angles[severity - 1]) * sides
        maps = np.zeros((len(images), 2, 3))
        maps[:, 0, 0] = maps[:, 1, 1] = np.cos(angles)
        maps[:, 1, 0] = np.sin(angles)
        maps[:, 0, 1] = -maps[:, 1, 0]
        return warp(images, maps)
