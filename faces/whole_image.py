"""A detector for images that are faces already: the box is the whole image."""

from collections.abc import Iterable

import numpy as np

from faces.box import Box
from faces.detector import Detector


class WholeImage(Detector):
    """Finds one face, as large as the image, in every image."""

    name = "whole"

    def __init__(self) -> None:
        super().__init__(min_size=1)

    def _find(self, image: np.ndarray) -> Iterable[Box]:
        height, width = image.shape[:2]
        return [Box(0, 0, width, height)]
