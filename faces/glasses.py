"""Masks of eyeglass frames on faces."""

import cv2
import numpy as np

from faces.alignment import eye_centers
from faces.regions import FRACTION_BITS, check_points

_LENS = (0.36, 0.26)
"""Half width and half height of a lens, relative to the distance between the eyes."""
_RIM = 0.12
"""Thickness of the frame, relative to the distance between the eyes."""


def glasses_masks(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Masks of eyeglass frames, bool (N, H, W): two rims, the bridge, and the temples.

    Source: the attack of Sharif et al. 2016, "Accessorize to a crime" (eyeglass frames).

    Args:
        points: (N, 468, 2) landmarks in pixels.
        shape: height and width of the image.

    Raises:
        ValueError: points of another shape.
    """
    check_points(points)
    return np.array([_frame(left, right, shape) for left, right in eye_centers(points)], bool)


def _frame(left: np.ndarray, right: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """One frame, bool (H, W); left means left in the image."""
    canvas = np.zeros(shape, np.uint8)
    along = right - left
    width = np.linalg.norm(along)
    thickness = max(1, round(_RIM * width))
    angle = float(np.degrees(np.arctan2(along[1], along[0])))
    lens = _fixed(np.array(_LENS) * width)
    for eye in (left, right):
        cv2.ellipse(
            canvas, _fixed(eye - 0.5), lens, angle, 0, 360, 1, thickness, shift=FRACTION_BITS
        )
    half = _LENS[0] * along
    for start, end in ((left + half, right - half), (left - half, left - 4 * along),
                       (right + half, right + 4 * along)):  # fmt: skip
        cv2.line(canvas, _fixed(start - 0.5), _fixed(end - 0.5), 1, thickness, shift=FRACTION_BITS)
    return canvas.astype(bool)


def _fixed(values: np.ndarray) -> tuple[int, int]:
    """Two numbers in sixteenths of a pixel, rounded, for OpenCV."""
    x, y = np.rint(values * 2**FRACTION_BITS).astype(int)
    return int(x), int(y)
