"""Input of classical models: 48x48 grey faces of 8 bits, made from any images in [0, 1].

HOG and the face mesh take whole grey levels, so the rounding is part of the model: a change of a
pixel that stays within its level does nothing.
"""

import numpy as np

from datasets.labels import FER7
from fer_models.contract import Contract
from fer_models.pixels.in_numpy import fitted_images

SIDE = 48
"""Rows and columns."""

_CONTRACT = Contract(SIDE, SIDE, 1, FER7, high=255.0)
"""Only its size matters; its classes are ignored."""


def grey_faces(images: np.ndarray) -> np.ndarray:
    """Faces uint8 (N, 48, 48, 1) of images float32 (N, H, W, C), C = 1 or 3.

    Values outside [0, 1], where a defence adds noise, become black or white.
    """
    return np.rint(fitted_images(images, _CONTRACT)).clip(0, 255).astype(np.uint8)
