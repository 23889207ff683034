"""Masks of face regions that partition the image: eyes, brows, nose, mouth, and the rest."""

from enum import StrEnum

import cv2
import numpy as np

from faces import mesh_points as mesh
from faces.alignment import eye_centers


class Region(StrEnum):
    """Regions of a face, in the order of the masks; a pixel in two belongs to the first."""

    EYES = "eyes"
    BROWS = "brows"
    NOSE = "nose"
    MOUTH = "mouth"
    REST = "rest"


HULLS: dict[Region, tuple[tuple[int, ...], ...]] = {
    Region.EYES: (mesh.LEFT_EYE, mesh.RIGHT_EYE),
    Region.BROWS: (mesh.LEFT_BROW, mesh.RIGHT_BROW),
    Region.NOSE: (mesh.NOSE,),
    Region.MOUTH: (mesh.LIPS,),
}
"""Landmarks whose convex hulls form each region."""

FRACTION_BITS = 4
"""OpenCV draws at sixteenths of a pixel."""


def check_points(points: np.ndarray) -> None:
    """Refuse landmarks of another shape than (N, 468, 2) with a `ValueError`."""
    if points.ndim != 3 or points.shape[1:] != (468, 2):
        raise ValueError(f"`points` must be (N, 468, 2). Received: shape={points.shape}")


def region_masks(points: np.ndarray, shape: tuple[int, int], dilate: float = 0.06) -> np.ndarray:
    """Masks, bool (N, 5, H, W) in the order of `Region`: each pixel is True in exactly one.

    Args:
        points: (N, 468, 2) landmarks in pixels.
        shape: height and width of the image.
        dilate: margin around the hulls, relative to the distance between the eyes.

    Raises:
        ValueError: points of another shape, or a negative margin.
    """
    check_points(points)
    if dilate < 0:
        raise ValueError(f"`dilate` must be at least 0. Received: {dilate}")
    masks = np.zeros((len(points), len(Region), *shape), bool)
    eyes = eye_centers(points)
    margins = dilate * np.linalg.norm(eyes[:, 1] - eyes[:, 0], axis=-1)
    for face, margin, own in zip(points, margins, masks):
        for index, hulls in enumerate(HULLS.values()):
            own[index] = _fill(face, hulls, shape, margin)
    free = np.ones((len(points), *shape), bool)
    for index in range(len(HULLS)):
        masks[:, index] &= free
        free &= ~masks[:, index]
    masks[:, -1] = free
    return masks


def _fill(
    points: np.ndarray, hulls: tuple[tuple[int, ...], ...], shape: tuple[int, int], margin: float
) -> np.ndarray:
    """Union of the hulls, each dilated by `margin` pixels: bool (H, W)."""
    canvas = np.zeros(shape, np.uint8)
    for hull in hulls:
        # OpenCV's integer positions are pixel centers, ours are pixel edges.
        corners = cv2.convexHull(points[list(hull)].astype(np.float32) - 0.5)
        fixed = np.rint(corners * 2**FRACTION_BITS).astype(np.int32)
        cv2.fillConvexPoly(canvas, fixed, 1, shift=FRACTION_BITS)
        if (thickness := round(2 * margin)) > 1:
            cv2.polylines(canvas, [fixed], True, 1, thickness, shift=FRACTION_BITS)
    return canvas.astype(bool)
