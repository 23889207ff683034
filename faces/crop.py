"""Crop faces from photographs as in FER2013: 48x48, grey, the face filling the square.

The size of a detector's frame relative to its box was measured on FER2013 and is stored in the
detector's class (`frame_scale`, `frame_down`).
"""

from collections.abc import Sequence

import cv2
import numpy as np

from datasets.image_files import cut_square
from faces.box import Box
from faces.detector import check_image

SIZE = 48


def crop_faces(image: np.ndarray, frames: Sequence[Box], size: int = SIZE) -> np.ndarray:
    """Crop grey squares, uint8 (N, size, size, 1); the image is extended by its edge pixels.

    Args:
        image: uint8 RGB (H, W, 3).
        frames: squares from `Detector.frame`.
        size: side of the crops in pixels.

    Raises:
        ValueError: not uint8 RGB of shape (H, W, 3).
        InputError: smaller than 16x16 or larger than 40 million pixels.
    """
    check_image(image)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    crops = [
        cv2.resize(
            cut_square(grey, f.x, f.y, f.width), (size, size), interpolation=_method(f, size)
        )
        for f in frames
    ]
    return np.array(crops, np.uint8).reshape(-1, size, size, 1)


def _method(frame: Box, size: int) -> int:
    return int(cv2.INTER_AREA if frame.width >= size else cv2.INTER_LINEAR)
