"""Speckle noise: noise in proportion to the brightness."""

from typing import ClassVar

import numpy as np

from attacks.base import Keys
from attacks.corruptions.base import Corruption
from attacks.corruptions.severity import between


class SpeckleNoise(Corruption):
    """Multiplies by normal noise around 1; the same draw at every severity, scaled."""

    name: ClassVar[str] = "speckle_noise"
    standard_deviations = between(
        at_32px=(0.06, 0.1, 0.12, 0.16, 0.2), at_64px=(0.15, 0.2, 0.25, 0.3, 0.35)
    )

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        shape = images.shape[1:]
        noise = np.array([draw.standard_normal(shape, np.float32) for draw in keys.generators()])
        scale = np.float32(self.standard_deviations[severity - 1])
        return np.clip(images * (1 + scale * noise), 0, 1)
