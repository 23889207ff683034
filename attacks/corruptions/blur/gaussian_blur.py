"""Gaussian blur."""

from typing import ClassVar

import numpy as np
from scipy.ndimage import gaussian_filter

from attacks.base import Keys
from attacks.corruptions.base import Corruption
from attacks.corruptions.severity import between


class GaussianBlur(Corruption):
    """Blurs by a Gaussian whose standard deviation is in pixels; edges are repeated outwards."""

    name: ClassVar[str] = "gaussian_blur"
    standard_deviations = between(
        at_32px=(0.4, 0.6, 0.7, 0.8, 1.0), at_64px=(0.5, 0.75, 1.0, 1.25, 1.5)
    )

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        sigma = self.standard_deviations[severity - 1]
        blurred = gaussian_filter(images, (0, sigma, sigma, 0), mode="nearest")
        return np.clip(blurred, 0, 1)
