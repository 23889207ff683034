"""Lower contrast."""

from typing import ClassVar

import numpy as np

from attacks.base import Keys
from attacks.corruptions.base import Corruption
from attacks.corruptions.severity import between


class Contrast(Corruption):
    """Pulls every pixel towards the image's mean, per channel."""

    name: ClassVar[str] = "contrast"
    kept_shares = between(at_32px=(0.75, 0.5, 0.4, 0.3, 0.15), at_64px=(0.4, 0.3, 0.2, 0.1, 0.05))

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        mean = images.mean(axis=(1, 2), keepdims=True)
        share = np.float32(self.kept_shares[severity - 1])
        return np.clip((images - mean) * share + mean, 0, 1)
