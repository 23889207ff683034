"""Haar cascade: the default detector, from files shipped with OpenCV 4.

Source: Viola and Jones, "Rapid object detection using a boosted cascade of simple features", 2001.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np

from faces.box import Box
from faces.detector import Detector

MAX_SIDE = 640
"""Larger images are shrunk to this side: enough for faces of a tenth of the image."""


def cascade(name: str) -> cv2.CascadeClassifier:
    """Load a cascade shipped with OpenCV, such as `haarcascade_eye`."""
    return cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / f"{name}.xml"))


class Haar(Detector):
    """Detects frontal faces with Haar features; scores are sums of the last stage."""

    name: ClassVar[str] = "haar"
    # Medians on 109 FER2013 faces; quartiles 0.94 to 1.09 and -0.01 to 0.02.
    frame_scale: ClassVar[float] = 1.0
    frame_down: ClassVar[float] = 0.0

    def __init__(
        self, *, min_size: int = 40, step: float = 1.1, neighbors: int = 6, min_score: float = 2.0
    ) -> None:
        """Make a detector.

        Args:
            min_size: shorter side of the smallest reported face, in pixels.
            step: ratio of two consecutive search sizes.
            neighbors: overlapping detections required for a face.
            min_score: smallest sum of the last stage of a reported face.
        """
        super().__init__(min_size=min_size)
        self.step, self.neighbors, self.min_score = step, neighbors, min_score
        self._cascade = cascade("haarcascade_frontalface_default")

    def _find(self, image: np.ndarray) -> Iterator[Box]:
        shrink = max(1.0, max(image.shape[:2]) / MAX_SIDE)
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        if shrink > 1:
            grey = cv2.resize(
                grey, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA
            )
        smallest = max(24, round(self.min_size / shrink))
        found, _, scores = self._cascade.detectMultiScale3(
            grey,
            self.step,
            self.neighbors,
            minSize=(smallest, smallest),
            outputRejectLevels=True,
        )
        for (x, y, width, height), score in zip(found, np.ravel(scores)):
            if score >= self.min_score:
                left, top, wide, high = (float(v * shrink) for v in (x, y, width, height))
                yield Box(left, top, wide, high, float(score))
