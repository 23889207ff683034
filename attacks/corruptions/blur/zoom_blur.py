"""Zoom blur: a camera that moves towards the face during the exposure."""

from typing import ClassVar

import numpy as np

from attacks.base import Keys
from attacks.corruptions.base import Corruption
from attacks.corruptions.geometry.warps import warp, zooms

STEP = 0.01


class ZoomBlur(Corruption):
    """The mean of the image enlarged by factors from 1 to the largest, in steps of 0.01.

    The published tables for 32 and 64 px are the same.
    """

    name: ClassVar[str] = "zoom_blur"
    largest = (1.05, 1.1, 1.15, 1.2, 1.25)

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        factors = 1 + STEP * np.arange(round((self.largest[severity - 1] - 1) / STEP) + 1)
        total = images.copy()
        for factor in factors:
            total += warp(images, zooms(np.full(len(images), factor)))
        return np.clip(total / np.float32(len(factors) + 1), 0, 1)
