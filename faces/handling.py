"""Processing of an image between attacker and classifier: saving, JPEG, resizing."""

from typing import NamedTuple

import cv2
import numpy as np

SAME_FACE = 0.5
"""Smallest IoU for a face detected before and after processing to be the same."""


class Handling(NamedTuple):
    """A processing step: JPEG quality or scale; with neither, the image is saved with 8 bits."""

    name: str
    quality: int | None = None
    scale: float = 1.0


HANDLINGS = (
    Handling("saved with 8 bits"),
    Handling("JPEG, quality 90", quality=90),
    Handling("JPEG, quality 75", quality=75),
    Handling("half the size", scale=0.5),
)


def handle(picture: np.ndarray, handling: Handling) -> np.ndarray:
    """Process an image uint8 RGB (H, W, 3); the result may be smaller."""
    if handling.quality is not None:
        data = np.frombuffer(jpeg(picture, handling.quality), np.uint8)
        decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
        return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
    if handling.scale != 1:
        return cv2.resize(
            picture, None, fx=handling.scale, fy=handling.scale, interpolation=cv2.INTER_AREA
        )
    return picture


def jpeg(image: np.ndarray, quality: int = 85) -> bytes:
    """Encode an image uint8 RGB (H, W, 3) as JPEG."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())
