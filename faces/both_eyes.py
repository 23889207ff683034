"""A wrapper around any detector that reports only faces with both eyes visible."""

from collections.abc import Iterator
from typing import ClassVar

import cv2
import numpy as np

from faces.box import Box
from faces.detector import Detector
from faces.haar import cascade

_SIDE = 160
"""Width at which every face is searched for eyes, in pixels."""
_UPPER = 0.6
"""Upper share of the face that is searched for eyes."""


class BothEyes(Detector):
    """Reports a face only if an eye is found in its left and its right half."""

    name: ClassVar[str] = "both_eyes"

    def __init__(self, detector: Detector) -> None:
        """Wrap a detector, keeping its smallest size and its frames."""
        super().__init__(min_size=detector.min_size)
        self.detector = detector
        self._cascade = cascade("haarcascade_eye")

    def frame(self, box: Box) -> Box:
        """Return the frame of the wrapped detector."""
        return self.detector.frame(box)

    def _find(self, image: np.ndarray) -> Iterator[Box]:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        for box in self.detector.detect(image):
            if self._sees_both(grey, box):
                yield box

    def _sees_both(self, grey: np.ndarray, box: Box) -> bool:
        left, top = int(box.x), int(box.y)
        face = grey[top : top + int(_UPPER * box.height), left : left + int(box.width)]
        if min(face.shape) < 4:
            return False
        face = cv2.resize(face, (_SIDE, int(_UPPER * _SIDE)), interpolation=cv2.INTER_AREA)
        eyes = self._cascade.detectMultiScale(cv2.equalizeHist(face), 1.05, 3, minSize=(24, 24))
        sides = {x + width / 2 < _SIDE / 2 for x, _, width, _ in eyes}
        return len(sides) == 2
