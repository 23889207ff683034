"""MTCNN: three small nets in a row, by the package `mtcnn` (extra `deadpan[mtcnn]`).

That package runs on TensorFlow, which is imported only when this detector is made.
Source: Zhang et al., "Joint face detection and alignment using multitask cascaded convolutional
networks", 2016.
"""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from datasets.base.errors import InputError
from faces.box import Box
from faces.detector import Detector


class Mtcnn(Detector):
    """Faces at many sizes and angles, slowly; scores are probabilities."""

    name: ClassVar[str] = "mtcnn"

    def __init__(self, *, min_size: int = 40, min_score: float = 0.9) -> None:
        """Make a detector.

        Args:
            min_size: shorter side of the smallest face that is reported, in pixels.
            min_score: probability above which a box counts.

        Raises:
            InputError: the package `mtcnn` is not installed.
        """
        super().__init__(min_size=min_size)
        try:
            from mtcnn import MTCNN
        except ImportError as error:
            raise InputError(
                "detector 'mtcnn' needs the package mtcnn, which is not installed: "
                "pip install 'deadpan[mtcnn]'."
            ) from error
        self.min_score = min_score
        self._nets = MTCNN(device="CPU:0")

    def _find(self, image: np.ndarray) -> Iterator[Box]:
        # Its own min_face_size loses large faces too (mtcnn 1.0.0); the base leaves out small ones.
        for face in self._nets.detect_faces(image):
            if face["confidence"] >= self.min_score:
                x, y, width, height = map(float, face["box"])
                yield Box(x, y, width, height, float(face["confidence"]))
