"""Openings: how far mouth and eyes are open and brows raised, whatever the face's size and tilt.

Landmarks are turned until the eyes are level and scaled until they are 1 apart, so a face that
comes nearer or tilts keeps its measures. A face that turns away from the camera does not.
"""

from typing import NamedTuple

import numpy as np

from faces import mesh_points as mesh
from faces.alignment import eye_centers

_UPPER_LIP, _LOWER_LIP, _LEFT_CORNER, _RIGHT_CORNER = 13, 14, 61, 291
"""Middle of the inner lips; corners of the mouth."""


class Openings(NamedTuple):
    """Measures in distances between the centers of the eyes, float64 (...,) each.

    Left and right are those of the image. NaN where both eyes are at one place.
    """

    mouth_open: np.ndarray
    mouth_wide: np.ndarray
    left_eye_open: np.ndarray
    right_eye_open: np.ndarray
    left_brow_raised: np.ndarray
    right_brow_raised: np.ndarray


def openings(points: np.ndarray) -> Openings:
    """Measure faces.

    Args:
        points: (..., 468, 2) landmarks in pixels.

    Returns:
        Mouth: between the inner lips, and between the corners. Eyes: between the lids. Brows: how
        far above the center of their eye.

    Raises:
        ValueError: points of another shape.
    """
    if points.ndim < 2 or points.shape[-2:] != (468, 2):
        raise ValueError(f"`points` must be (..., 468, 2). Received: shape={points.shape}")
    eyes = _complex(eye_centers(points.astype(np.float64)))
    line = (eyes[..., 1] - eyes[..., 0])[..., None]
    line = np.where(line == 0, np.nan, line)
    with np.errstate(invalid="ignore"):
        upright, eyes = _complex(points) / line, eyes / line  # a complex quotient turns and scales
    down, along = upright.imag, upright.real
    return Openings(
        down[..., _LOWER_LIP] - down[..., _UPPER_LIP],
        along[..., _RIGHT_CORNER] - along[..., _LEFT_CORNER],
        *(_lids(down, six) for six in (mesh.LEFT_EYE_SIX, mesh.RIGHT_EYE_SIX)),
        *(
            eyes.imag[..., side] - down[..., list(brow)].mean(axis=-1)
            for side, brow in enumerate((mesh.LEFT_BROW, mesh.RIGHT_BROW))
        ),
    )


def _complex(points: np.ndarray) -> np.ndarray:
    return points[..., 0].astype(np.float64) + 1j * points[..., 1]


def _lids(down: np.ndarray, six: tuple[int, ...]) -> np.ndarray:
    """From the two points on the upper lid to the two on the lower."""
    _, upper, upper_too, _, lower, lower_too = six
    lids: np.ndarray = (down[..., [lower, lower_too]] - down[..., [upper_too, upper]]).mean(axis=-1)
    return lids
