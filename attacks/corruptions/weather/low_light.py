"""Low light: darker, and noisy because few photons arrive."""

from typing import ClassVar

import numpy as np

from attacks.base import Keys
from attacks.corruptions.base import Corruption

PHOTONS = 200
"""Photons of a white pixel in full light."""


class LowLight(Corruption):
    """Keeps a share of the light and counts the photons that are left; own table."""

    name: ClassVar[str] = "low_light"
    kept_shares = (0.7, 0.5, 0.36, 0.25, 0.16)

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        expected = images.astype(np.float64) * (self.kept_shares[severity - 1] * PHOTONS)
        counts = [draw.poisson(image) for draw, image in zip(keys.generators(), expected)]
        return np.clip(np.array(counts) / PHOTONS, 0, 1).astype(np.float32)
