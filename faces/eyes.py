"""Eye aspect ratio: how far the eyes are open, and the threshold for closed eyes.

Source: Soukupova and Cech, "Real-time eye blink detection using facial landmarks", 2016, eq. 1.
"""

import numpy as np

from faces.mesh_points import LEFT_EYE_SIX, RIGHT_EYE_SIX

BLINK = 0.25
"""Mean ratio of both eyes below which they count as closed, published for 68-point landmarks.

On the face mesh, open smiling eyes measured 0.24 to 0.26: compare with the person's own median.
"""


def eye_aspect_ratio(points: np.ndarray) -> np.ndarray:
    """Mean of height over width of both eyes, float64 (...,).

    Args:
        points: (..., 468, 2) landmarks in pixels.

    Raises:
        ValueError: points of another shape.
    """
    if points.ndim < 2 or points.shape[-2:] != (468, 2):
        raise ValueError(f"`points` must be (..., 468, 2). Received: shape={points.shape}")
    ratios = [_ratio(points[..., list(six), :]) for six in (LEFT_EYE_SIX, RIGHT_EYE_SIX)]
    return np.mean(ratios, axis=0)


def _ratio(six: np.ndarray) -> np.ndarray:
    """(|p2 - p6| + |p3 - p5|) / (2 |p1 - p4|) of six points (..., 6, 2)."""

    def distance(a: int, b: int) -> np.ndarray:
        return np.linalg.norm(six[..., a, :] - six[..., b, :], axis=-1).astype(np.float64)

    width = np.maximum(distance(0, 3), np.finfo(np.float32).tiny)
    return (distance(1, 5) + distance(2, 4)) / (2 * width)
