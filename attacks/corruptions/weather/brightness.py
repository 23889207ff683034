"""More light."""

from typing import ClassVar

import numpy as np

from attacks.base import Keys
from attacks.corruptions.base import Corruption
from attacks.corruptions.severity import between


class Brightness(Corruption):
    """Raises HSV value by a constant, up to 1; hue and saturation stay. On grey: adds it."""

    name: ClassVar[str] = "brightness"
    offsets = between(at_32px=(0.05, 0.1, 0.15, 0.2, 0.3), at_64px=(0.1, 0.2, 0.3, 0.4, 0.5))

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        value = images.max(axis=3, keepdims=True)
        brighter = np.minimum(value + np.float32(self.offsets[severity - 1]), 1)
        black = value == 0
        scaled = images / np.where(black, 1, value) * brighter
        return np.clip(np.where(black, brighter, scaled), 0, 1)
