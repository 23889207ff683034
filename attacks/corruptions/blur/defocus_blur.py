"""Defocus blur: a lens that focuses before or behind the face."""

from typing import ClassVar

import numpy as np

from attacks.base import Keys
from attacks.corruptions.base import Corruption
from attacks.corruptions.blur.kernels import apply_kernel, kernel_of_shifts
from attacks.corruptions.severity import between


class DefocusBlur(Corruption):
    """Spreads every point over a disc; its radius is in pixels."""

    name: ClassVar[str] = "defocus_blur"
    radii = between(at_32px=(0.3, 0.4, 0.5, 1.0, 1.5), at_64px=(0.5, 1.0, 1.5, 2.5, 3.0))

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        kernel = disc(self.radii[severity - 1])
        return np.array([apply_kernel(image, kernel) for image in images])


def disc(radius: float) -> np.ndarray:
    """Kernel of a disc, from a grid of 33 x 33 points."""
    rows, columns = np.meshgrid(*[np.linspace(-radius, radius, 33)] * 2, indexing="ij")
    inside = rows**2 + columns**2 <= radius**2
    return kernel_of_shifts(rows[inside], columns[inside], np.ones(inside.sum()))
