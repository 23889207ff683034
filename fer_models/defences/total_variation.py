"""`tv0.05`: total-variation smoothing, which keeps edges.

Source: Chambolle 2004, "An algorithm for total variation minimization and applications", section 3;
as a defence Guo et al. 2018, arXiv 1711.00117.
"""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from fer_models.defences.base import Defence

_STEPS = 20
_TAU = 0.25


@dataclass(frozen=True)
class TotalVariation(Defence):
    """Minimise |u - x|^2 / 2 + weight * TV(u) by 20 steps on the dual."""

    weight: float
    name = "tv"
    differentiable = True

    def __call__(self, images: keras.KerasTensor, rng: np.random.Generator) -> keras.KerasTensor:
        """Smoothed images, gradient through all steps; each channel separately."""
        down, right = ops.zeros_like(images), ops.zeros_like(images)
        smooth = images
        for _ in range(_STEPS):
            slope_down, slope_right = _forward_differences(smooth)
            length = ops.sqrt(slope_down**2 + slope_right**2 + 1e-12)
            shrink = 1 + _TAU / self.weight * length
            down = (down - _TAU / self.weight * slope_down) / shrink
            right = (right - _TAU / self.weight * slope_right) / shrink
            smooth = images + self.weight * _divergence(down, right)
        return smooth


def _forward_differences(
    x: keras.KerasTensor,
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    down = ops.pad(x[:, 1:] - x[:, :-1], [(0, 0), (0, 1), (0, 0), (0, 0)])
    right = ops.pad(x[:, :, 1:] - x[:, :, :-1], [(0, 0), (0, 0), (0, 1), (0, 0)])
    return down, right


def _divergence(down: keras.KerasTensor, right: keras.KerasTensor) -> keras.KerasTensor:
    """Minus the backward differences: the adjoint of `_forward_differences`."""
    above = ops.pad(down[:, :-1], [(0, 0), (1, 0), (0, 0), (0, 0)])
    left = ops.pad(right[:, :, :-1], [(0, 0), (0, 0), (1, 0), (0, 0)])
    return above - down + left - right
