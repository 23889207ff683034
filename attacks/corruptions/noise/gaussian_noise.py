"""Gaussian noise, drawn per row."""

from typing import ClassVar

import numpy as np

from attacks.base import Keys
from attacks.corruptions.base import Corruption
from attacks.corruptions.severity import between


class GaussianNoise(Corruption):
    """Adds normal noise; the same draw at every severity, scaled by its standard deviation."""

    name: ClassVar[str] = "gaussian_noise"
    standard_deviations = between(
        at_32px=(0.04, 0.06, 0.08, 0.09, 0.10), at_64px=(0.04, 0.08, 0.12, 0.15, 0.18)
    )

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        shape = images.shape[1:]
        noise = [draw.standard_normal(shape, np.float32) for draw in keys.generators()]
        scale = np.float32(self.standard_deviations[severity - 1])
        return np.clip(images + scale * np.array(noise), 0, 1)
