"""Squares of one grey anywhere on the face."""

from typing import ClassVar

import numpy as np

from attacks.base import Keys
from attacks.corruptions.base import Corruption

SIDE = 0.2
"""Side of a square, as a share of the image's height."""


class RandomSquares(Corruption):
    """Covers random places by squares of a random grey each; more of them with severity."""

    name: ClassVar[str] = "random_squares"
    counts = (1, 2, 4, 6, 9)

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        height, width = images.shape[1:3]
        side, covered = max(round(SIDE * height), 1), images.copy()
        for i, draw in enumerate(keys.generators()):
            squares = draw.random((self.counts[-1], 3))
            for down, right, grey in squares[: self.counts[severity - 1]]:
                top, left = int(down * (height - side + 1)), int(right * (width - side + 1))
                covered[i, top : top + side, left : left + side] = grey
        return covered
