"""Elastic distortion: the face as if printed on rubber."""

from typing import ClassVar

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from attacks.base import Keys
from attacks.corruptions.base import Corruption

SMOOTHNESS = 0.06
"""Standard deviation of the field's smoothing, as a share of the image's height."""


class Elastic(Corruption):
    """Moves pixels along a smooth random field; its root mean square is given at 48 px, own table.

    The published tables trade local against affine distortion, so they do not grow; affine ones
    are corruptions of their own here.
    """

    name: ClassVar[str] = "elastic"
    displacements = (0.3, 0.5, 0.7, 0.95, 1.25)

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        height, width = images.shape[1:3]
        shape = (2, height, width)
        drawn = np.array([draw.standard_normal(shape, np.float32) for draw in keys.generators()])
        sigma = SMOOTHNESS * height
        field = gaussian_filter(drawn, (0, 0, sigma, sigma), mode="reflect")
        field /= np.sqrt(np.square(field).mean(axis=(1, 2, 3), keepdims=True))
        field *= np.float32(self.displacements[severity - 1] * height / 48)
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
        bent = np.empty_like(images)
        for i, (down, right) in enumerate(field):
            moved = cv2.remap(
                images[i], columns + right, rows + down, cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )  # fmt: skip
            bent[i] = moved.reshape(images[i].shape)
        return np.clip(bent, 0, 1)
