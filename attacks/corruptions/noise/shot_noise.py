"""Shot noise: light that arrives in quanta."""

from typing import ClassVar

import numpy as np

from attacks.base import Keys
from attacks.corruptions.base import Corruption
from attacks.corruptions.severity import between


class ShotNoise(Corruption):
    """Poisson noise: a white pixel counts this many photons on average."""

    name: ClassVar[str] = "shot_noise"
    photons = between(at_32px=(500, 250, 100, 75, 50), at_64px=(250, 100, 50, 30, 15))

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        photons, wide = self.photons[severity - 1], images.astype(np.float64)
        counts = [draw.poisson(image * photons) for draw, image in zip(keys.generators(), wide)]
        return np.clip(np.array(counts) / photons, 0, 1).astype(np.float32)
