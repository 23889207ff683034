"""HOG: histograms of oriented gradients and a linear classifier, from dlib (extra `hog`).

Source: Dalal and Triggs, "Histograms of oriented gradients for human detection", 2005; King,
"Max-margin object detection", 2015.
"""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from datasets.base.errors import InputError
from faces.box import Box
from faces.detector import Detector

SMALLEST = 80
"""Side of the smallest face found without enlarging the image, in pixels."""


class Hog(Detector):
    """Detects frontal faces with dlib; scores are distances from the classifier's margin."""

    name: ClassVar[str] = "hog"
    # Medians on 119 FER2013 faces; quartiles 1.06 to 1.28 and -0.11 to -0.03.
    frame_scale: ClassVar[float] = 1.061
    frame_down: ClassVar[float] = -0.09

    def __init__(self, *, min_size: int = 40, min_score: float = 0.0) -> None:
        """Make a detector.

        Args:
            min_size: shorter side of the smallest reported face, in pixels; below 80 the
                image is doubled first, which takes four times as long.
            min_score: smallest distance from the margin of a reported box.

        Raises:
            InputError: dlib is not installed.
        """
        super().__init__(min_size=min_size)
        try:
            import dlib
        except ImportError as error:
            raise InputError(
                "detector 'hog' needs dlib, which is not installed: pip install -e '.[hog]'."
            ) from error
        self.min_score = min_score
        self._detector = dlib.get_frontal_face_detector()

    def _find(self, image: np.ndarray) -> Iterator[Box]:
        doublings = int(self.min_size < SMALLEST)
        found, scores, _ = self._detector.run(
            np.ascontiguousarray(image), doublings, self.min_score
        )
        for place, score in zip(found, scores):
            yield Box(place.left(), place.top(), place.width(), place.height(), float(score))
