"""Rain: bright streaks."""

from typing import ClassVar

import cv2
import numpy as np

from attacks.base import Keys
from attacks.corruptions.base import Corruption

LENGTH = 0.16
"""Length of a streak, as a share of the image's height."""
OPACITY = np.float32(0.55)
BRIGHTNESS = np.float32(0.9)
FRACTION_BITS = 4


class Rain(Corruption):
    """Slanted streaks at random places, the slant drawn per row; more of them with severity."""

    name: ClassVar[str] = "rain"
    counts = (6, 12, 20, 32, 48)

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        height, width = images.shape[1:3]
        rainy = np.empty_like(images)
        for i, draw in enumerate(keys.generators()):
            slant = draw.uniform(-0.5, 0.5)
            starts = draw.random((self.counts[-1], 2))[: self.counts[severity - 1]]
            starts = starts * [width, height * (1 + LENGTH)] - [0, height * LENGTH]
            ends = starts + LENGTH * height * np.array([np.sin(slant), np.cos(slant)])
            lines = np.stack([starts, ends], axis=1) * 2**FRACTION_BITS
            mask = np.zeros((height, width), np.uint8)
            points = list(np.rint(lines).astype(np.int32))
            cv2.polylines(mask, points, False, 255, 1, cv2.LINE_AA, FRACTION_BITS)
            opacity = OPACITY * (mask.astype(np.float32) / 255)[..., None]
            rainy[i] = images[i] * (1 - opacity) + BRIGHTNESS * opacity
        return np.clip(rainy, 0, 1)
