"""A hand before the face."""

from typing import ClassVar

import numpy as np

from attacks.base import Keys
from attacks.corruptions.base import Corruption

FINGERS = np.array([
    # from x, y, to x, y, radius: in widths of a palm, fingers upwards
    [0.0, 0.25, 0.0, -0.1, 0.5],
    [-0.38, -0.3, -0.5, -1.05, 0.13],
    [-0.13, -0.4, -0.17, -1.3, 0.14],
    [0.13, -0.4, 0.17, -1.25, 0.14],
    [0.38, -0.3, 0.48, -0.95, 0.12],
    [0.45, 0.3, 0.95, -0.15, 0.15],
    [0.0, 0.4, 0.0, 3.0, 0.38],
])  # fmt: skip
"""Palm, four fingers, thumb, wrist: thick lines."""


class Hand(Corruption):
    """A hand from below in one grey, its place, tilt and grey drawn per row.

    It grows with severity: the width of the palm is a share of the image's, own table.
    """

    name: ClassVar[str] = "hand"
    palms = (0.2, 0.27, 0.34, 0.42, 0.5)

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        drawn = np.array([draw.random(5) for draw in keys.generators()])
        grey = 0.25 + 0.5 * drawn[:, 0].astype(np.float32)[:, None, None, None]
        tilt = np.radians(60 * drawn[:, 1] - 30)
        across, down = 0.25 + 0.5 * drawn[:, 2], 0.65 + 0.2 * drawn[:, 3]
        mirrored = np.where(drawn[:, 4] < 0.5, -1.0, 1.0)
        distance = self._distance(images.shape, severity, across, down, tilt, mirrored)
        covered = np.clip(0.5 - distance, 0, 1).astype(np.float32)[..., None]
        shaded = grey * np.clip(0.7 - 0.06 * distance, 0.7, 1).astype(np.float32)[..., None]
        return np.clip(images * (1 - covered) + shaded * covered, 0, 1)

    def _distance(
        self,
        shape: tuple[int, ...],
        severity: int,
        across: np.ndarray,
        down: np.ndarray,
        tilt: np.ndarray,
        mirrored: np.ndarray,
    ) -> np.ndarray:
        """Distance of every pixel to the hand, pixels, negative inside, (N, H, W)."""
        height, width = shape[1:3]
        palm = self.palms[severity - 1] * width
        y, x = np.mgrid[0:height, 0:width]
        right = (x - across[:, None, None] * width) / palm
        below = (y - down[:, None, None] * height) / palm
        cos, sin = np.cos(tilt)[:, None, None], np.sin(tilt)[:, None, None]
        u, v = mirrored[:, None, None] * (cos * right + sin * below), cos * below - sin * right
        nearest = np.full(u.shape, np.inf)
        for x0, y0, x1, y1, radius in FINGERS:
            length = np.hypot(x1 - x0, y1 - y0)
            along = ((u - x0) * (x1 - x0) + (v - y0) * (y1 - y0)) / length**2
            along = np.clip(along, 0, 1)
            apart = np.hypot(u - x0 - along * (x1 - x0), v - y0 - along * (y1 - y0))
            nearest = np.minimum(nearest, apart - radius)
        return nearest * palm
