"""Detector: base class that finds the boxes of faces in an image.

Each detector is one file with one subclass; `faces/detectors.py` lists them. Not here: reading
photographs (`faces/photos.py`) and clips (`faces/video.py`), and cropping (`faces/crop.py`).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from datasets.base.errors import InputError
from faces.box import Box

MIN_SIDE = 16
MAX_PIXELS = 40_000_000


def check_image(image: np.ndarray) -> None:
    """Refuse an array that is not a photograph.

    Raises:
        ValueError: not uint8 RGB of shape (H, W, 3).
        InputError: smaller than 16x16 or larger than 40 million pixels.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            "`image` must be uint8 RGB of shape (H, W, 3). "
            f"Received: dtype={image.dtype}, shape={image.shape}{_hint(image)}"
        )
    check_size(image.shape[1], image.shape[0])


def check_size(width: int, height: int) -> None:
    """Refuse an image that is too small or too large for a detector.

    Raises:
        InputError: smaller than 16x16 or larger than 40 million pixels.
    """
    if min(height, width) < MIN_SIDE or height * width > MAX_PIXELS:
        raise InputError(
            f"an image must be at least {MIN_SIDE}x{MIN_SIDE} and at most "
            f"{MAX_PIXELS // 10**6} million pixels; got {width}x{height}. Resize it first."
        )


def fits_detector(image: np.ndarray) -> bool:
    """Whether an image (H, W, 3) is large enough for a detector."""
    return min(image.shape[:2]) >= MIN_SIDE


def _hint(image: np.ndarray) -> str:
    if image.dtype != np.uint8:
        return ". Scale floats by 255 and round them."
    if image.ndim == 2 or image.shape[-1] == 1:
        return ". Repeat a grey image three times: np.repeat(image, 3, axis=2)."
    if image.ndim == 3 and image.shape[2] == 4:
        return ". Drop the alpha channel: image[..., :3]."
    return ""


class Detector(ABC):
    """Finds faces in an image. Subclasses write `_find` and measure `frame_scale`, `frame_down`.

    Not thread-safe: make one per thread.

    Attributes:
        name: name on the command line.
        frame_scale: side of a FER2013-like crop divided by the side of the box.
        frame_down: shift of its center below the center of the box, in sides of the box.
    """

    name: ClassVar[str]
    frame_scale: ClassVar[float] = 1.0
    frame_down: ClassVar[float] = 0.0

    def __init__(self, *, min_size: int = 40) -> None:
        """Make a detector.

        Args:
            min_size: shorter side of the smallest reported face, in pixels.

        Raises:
            ValueError: `min_size` below 1.
        """
        if min_size < 1:
            raise ValueError(f"`min_size` must be at least 1. Received: {min_size}")
        self.min_size = min_size

    def detect(self, image: np.ndarray) -> list[Box]:
        """Find the boxes of all faces, clipped to the image, sorted by area, then score.

        Args:
            image: uint8 RGB (H, W, 3).

        Raises:
            ValueError: not uint8 RGB of shape (H, W, 3).
            InputError: smaller than 16x16 or larger than 40 million pixels.
        """
        check_image(image)
        height, width = image.shape[:2]
        boxes = [box.clip(width, height) for box in self._find(image)]
        boxes = [box for box in boxes if min(box.width, box.height) >= self.min_size]
        return sorted(boxes, key=lambda box: (box.area, box.score), reverse=True)

    def frame(self, box: Box) -> Box:
        """Return the FER2013-like square for a box; it may reach outside the image."""
        return box.square(self.frame_scale, self.frame_down)

    @abstractmethod
    def _find(self, image: np.ndarray) -> Iterable[Box]:
        """Find boxes, in any order; they may reach outside the image or be too small."""
