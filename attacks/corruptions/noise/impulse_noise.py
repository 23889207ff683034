"""Impulse noise: salt and pepper."""

from typing import ClassVar

import numpy as np

from attacks.base import Keys
from attacks.corruptions.base import Corruption
from attacks.corruptions.severity import between


class ImpulseNoise(Corruption):
    """Turns a share of the values white or black, half each; more of them with severity."""

    name: ClassVar[str] = "impulse_noise"
    shares = between(at_32px=(0.01, 0.02, 0.03, 0.05, 0.07), at_64px=(0.01, 0.02, 0.05, 0.08, 0.14))

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        half = self.shares[severity - 1] / 2
        drawn = np.array([draw.random(images.shape[1:], np.float32) for draw in keys.generators()])
        salted = np.where(drawn < half, np.float32(1), images)
        return np.where(drawn > 1 - half, np.float32(0), salted)
