"""Align a face: rotate, scale and shift it so that its eyes are where FER2013's are on average."""

import cv2
import numpy as np

from faces.landmarks import mean_shape
from faces.mesh_points import LEFT_EYE, RIGHT_EYE


def eye_centers(points: np.ndarray) -> np.ndarray:
    """Centers of the eyes on the left and right of the image: (..., 2, 2) from (..., 468, 2)."""
    eyes = [points[..., list(eye), :].mean(axis=-2) for eye in (LEFT_EYE, RIGHT_EYE)]
    return np.stack(eyes, axis=-2)


def level_transform(points: np.ndarray, size: int = 48) -> np.ndarray:
    """Similarity transform, float64 (2, 3), from image pixels to a square with level eyes.

    Args:
        points: (468, 2) landmarks in pixels of the image.
        size: side of the square.

    Raises:
        ValueError: both eyes at one place.
    """
    left, right = eye_centers(points.astype(np.float64))
    goal_left, goal_right = eye_centers(mean_shape().astype(np.float64)) * size
    level = (goal_left[1] + goal_right[1]) / 2
    goal = complex(goal_right[0] - goal_left[0], 0)
    line = complex(*(right - left))
    if abs(line) < 1e-6:
        raise ValueError("`points` must have two eyes apart. Received: both at one place")
    turn = goal / line  # a complex factor rotates and scales
    linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    target = np.array([(goal_left[0] + goal_right[0]) / 2, level])
    return np.c_[linear, target - linear @ ((left + right) / 2)]


def align(image: np.ndarray, points: np.ndarray, size: int = 48) -> np.ndarray:
    """Return the upright face, uint8 (size, size[, C]); the image is extended by its edge pixels.

    Args:
        image: uint8 (H, W) or (H, W, C).
        points: (468, 2) landmarks in pixels of the image.
        size: side of the square.

    Raises:
        ValueError: both eyes at one place.
    """
    matrix = level_transform(points, size)
    shrink = 1 / np.hypot(*matrix[:, 0])
    if shrink > 1:  # warpAffine does not average: blur to avoid aliasing
        image = cv2.GaussianBlur(image, (0, 0), 0.5 * shrink)
    # Points count from pixel edges, warpAffine from pixel centers.
    matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    return cv2.warpAffine(image, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
