"""Motion blur: a head or camera that moves during the exposure."""

from typing import ClassVar

import numpy as np

from attacks.base import Keys
from attacks.corruptions.base import Corruption
from attacks.corruptions.blur.kernels import apply_kernel, kernel_of_shifts
from attacks.corruptions.severity import between


class MotionBlur(Corruption):
    """Trails off along a direction within 45 degrees of the horizontal, drawn per row.

    One half of a Gaussian, its standard deviation in pixels.
    """

    name: ClassVar[str] = "motion_blur"
    standard_deviations = between(
        at_32px=(1.0, 1.5, 2.0, 2.0, 2.5), at_64px=(1.0, 1.5, 2.0, 2.5, 3.0)
    )

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        sigma = self.standard_deviations[severity - 1]
        steps = np.arange(0, 3 * sigma, 0.5)
        weights = np.exp(-0.5 * (steps / sigma) ** 2)
        angles = np.radians([draw.uniform(-45, 45) for draw in keys.generators()])
        blurred = np.empty_like(images)
        for i, angle in enumerate(angles):
            kernel = kernel_of_shifts(steps * np.sin(angle), steps * np.cos(angle), weights)
            blurred[i] = apply_kernel(images[i], kernel)
        return blurred
