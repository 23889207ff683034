"""What a picture goes through on its way to a classifier: saving, JPEG, resizing."""

from typing import NamedTuple

import cv2
import numpy as np

SAME_FACE = 0.5
"""IoU from which a face found again after a handling is the same one."""


class Handling(NamedTuple):
    """A name, and JPEG quality or size; neither leaves the picture as 8 bits hold it."""

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
    """The picture uint8 RGB (H, W, 3) after a handling, perhaps smaller."""
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
    """A picture uint8 RGB (H, W, 3) as a JPEG file."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())
