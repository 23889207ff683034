"""Pixelation: fewer pixels, shown large."""

from typing import ClassVar

import cv2
import numpy as np

from attacks.base import Keys
from attacks.corruptions.base import Corruption
from attacks.corruptions.severity import between


class Pixelate(Corruption):
    """Shrinks to a share of height and width, averaging, and enlarges by repeating pixels."""

    name: ClassVar[str] = "pixelate"
    shares = between(at_32px=(0.95, 0.9, 0.85, 0.75, 0.65), at_64px=(0.9, 0.8, 0.7, 0.6, 0.5))

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        height, width = images.shape[1:3]
        share, coarse = self.shares[severity - 1], np.empty_like(images)
        small = max(int(width * share), 1), max(int(height * share), 1)
        for i, image in enumerate(images):
            shrunk = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
            large = cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
            coarse[i] = large.reshape(image.shape)
        return np.clip(coarse, 0, 1)
