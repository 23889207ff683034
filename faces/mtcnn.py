"""MTCNN: a cascade of three small nets, from the package `mtcnn` (extra `mtcnn`).

The package uses TensorFlow, which is imported only when this detector is made.
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
    """Detects faces at many sizes and angles, slowly; scores are probabilities."""

    name: ClassVar[str] = "mtcnn"

    def __init__(self, *, min_size: int = 40, min_score: float = 0.9) -> None:
        """Make a detector.

        Args:
            min_size: shorter side of the smallest reported face, in pixels.
            min_score: smallest probability of a reported box.

        Raises:
            InputError: the package `mtcnn` is not installed.
        """
        super().__init__(min_size=min_size)
        try:
            from mtcnn import MTCNN
        except ImportError as error:
            raise InputError(
                "detector 'mtcnn' needs the package mtcnn, which is not installed: "
                "pip install -e '.[mtcnn]'."
            ) from error
        self.min_score = min_score
        self._nets = MTCNN(device="CPU:0")

    def _find(self, image: np.ndarray) -> Iterator[Box]:
        # Its min_face_size drops large faces too (mtcnn 1.0.0); the base class drops small ones.
        for face in self._nets.detect_faces(image):
            if face["confidence"] >= self.min_score:
                x, y, width, height = map(float, face["box"])
                yield Box(x, y, width, height, float(face["confidence"]))
