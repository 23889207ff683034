"""Bars over the eyes or the mouth, as used in the news to hide who someone is."""

from typing import ClassVar

import numpy as np

from attacks.base import Keys
from attacks.corruptions.base import Corruption

GREY = np.float32(0.05)
MARGIN = 0.06
"""Margin to the left and right of a bar, as a share of the width."""


class Bar(Corruption):
    """A dark horizontal bar; its height is a share of the image's, own table.

    Attributes:
        middle: middle of the bar from the top, as a share of the height: where the region is in
            aligned crops such as FER2013's.
    """

    middle: ClassVar[float]
    heights = (0.06, 0.1, 0.15, 0.2, 0.26)

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        height, width = images.shape[1:3]
        half = self.heights[severity - 1] / 2
        top, bottom = round((self.middle - half) * height), round((self.middle + half) * height)
        side = round(MARGIN * width)
        covered = images.copy()
        covered[:, top : max(bottom, top + 1), side : width - side] = GREY
        return covered


class EyesBar(Bar):
    """A dark bar over the eyes."""

    name: ClassVar[str] = "eyes_bar"
    middle = 0.37


class MouthBar(Bar):
    """A dark bar over the mouth."""

    name: ClassVar[str] = "mouth_bar"
    middle = 0.79
