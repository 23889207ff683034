"""A face that is larger or smaller in its crop than usual."""

from typing import ClassVar

import numpy as np

from attacks.base import Keys
from attacks.corruptions.base import Corruption
from attacks.corruptions.geometry.warps import warp, zooms


class Scale(Corruption):
    """Enlarges or shrinks about the middle, drawn per row, by a factor; own table."""

    name: ClassVar[str] = "scale"
    factors = (1.06, 1.12, 1.2, 1.3, 1.42)

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        exponents = np.array([draw.choice((-1.0, 1.0)) for draw in keys.generators()])
        return warp(images, zooms(self.factors[severity - 1] ** exponents))
