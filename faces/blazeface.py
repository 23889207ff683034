"""BlazeFace, short range: detects faces within two metres of a camera in a few milliseconds.

Source: Bazarevsky et al., "BlazeFace: sub-millisecond neural face detection on mobile GPUs", 2019.
"""

from collections.abc import Iterator
from typing import ClassVar

import cv2
import numpy as np
from scipy.special import expit

from faces.box import Box
from faces.detector import Detector
from faces.tflite import TFLiteModel

_CELLS = ((16, 2), (8, 6))
"""Cells per side and anchors per cell of the two grids."""
_OVERLAP = 0.3
"""Boxes with a larger IoU are the same face."""


class BlazeFace(Detector):
    """Detects faces with a small SSD; scores are probabilities."""

    name: ClassVar[str] = "blazeface"
    # Medians on 136 FER2013 faces; quartiles 1.09 to 1.32 and -0.14 to -0.05.
    frame_scale: ClassVar[float] = 1.175
    frame_down: ClassVar[float] = -0.10

    def __init__(self, *, min_size: int = 40, min_score: float = 0.6) -> None:
        """Make a detector.

        Args:
            min_size: shorter side of the smallest reported face, in pixels.
            min_score: smallest probability of a reported box.
        """
        super().__init__(min_size=min_size)
        self.min_score = min_score
        self._model = TFLiteModel("face_detection_short_range")
        self._anchors = _anchors()

    def _find(self, image: np.ndarray) -> Iterator[Box]:
        height, width = image.shape[:2]
        side = max(height, width)
        pixels, left, top = _letterbox(image, self._model.side)
        places, logits = self._model(pixels / 127.5 - 1)
        scores = expit(logits[:, 0])
        sure = scores >= self.min_score
        centers = places[sure, :2] / self._model.side + self._anchors[sure]
        sizes = places[sure, 2:4] / self._model.side
        corners = (centers - sizes / 2) * side - (left, top)
        for x, y, w, h, score in _merge(np.c_[corners, sizes * side, scores[sure]]):
            yield Box(float(x), float(y), float(w), float(h), float(score))


def _anchors() -> np.ndarray:
    """Centers of the grid cells, float32 (896, 2) in [0, 1], in the model's order."""
    grids = []
    for cells, repeats in _CELLS:
        middles = (np.arange(cells) + 0.5) / cells
        points = np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)
        grids.append(np.repeat(points, repeats, axis=0))
    return np.concatenate(grids).astype(np.float32)


def _letterbox(image: np.ndarray, side: int) -> tuple[np.ndarray, int, int]:
    """Put the image on a black square and resize it; also return the left and top bar in pixels."""
    height, width = image.shape[:2]
    largest = max(height, width)
    left, top = (largest - width) // 2, (largest - height) // 2
    scale = side / largest
    matrix = np.array([[scale, 0, left * scale], [0, scale, top * scale]])
    if scale < 1:  # warpAffine does not average: shrink with area averaging first
        small = cv2.resize(
            image,
            (max(1, round(width * scale)), max(1, round(height * scale))),
            interpolation=cv2.INTER_AREA,
        )
        canvas = np.zeros((side, side, 3), np.uint8)
        y, x = round(top * scale), round(left * scale)
        canvas[y : y + small.shape[0], x : x + small.shape[1]] = small[: side - y, : side - x]
        return canvas, left, top
    return cv2.warpAffine(image, matrix, (side, side)), left, top


def _merge(boxes: np.ndarray) -> Iterator[np.ndarray]:
    """Merge overlapping rows (x, y, width, height, score) into their mean, weighted by score."""
    boxes = boxes[np.argsort(-boxes[:, 4])]
    while len(boxes):
        best = Box(*boxes[0])
        same = np.array([best.iou(Box(*box)) > _OVERLAP for box in boxes])
        same[0] = True
        weights = boxes[same, 4]
        yield np.r_[weights @ boxes[same, :4] / weights.sum(), best.score]
        boxes = boxes[~same]
