"""What gradient attacks share: their loss, and steps of steepest ascent under a norm."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.base import Attack
from attacks.threat_model import Norm
from datasets.errors import InputError
from fer_models.gradients import Loss


@dataclass(frozen=True, kw_only=True)
class GradientAttack(Attack):
    """An attack that climbs a loss by its gradient.

    Attributes:
        loss: what is increased. The default does not hang on the scale of the logits.
    """

    loss: Loss = Loss.SCALED_CROSS_ENTROPY

    needs_gradients: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.loss not in list(Loss):
            raise InputError(f"`loss` must be one of {', '.join(Loss)}; got {self.loss!r}.")


def steepest_step(gradient: np.ndarray, size: float, norm: Norm) -> np.ndarray:
    """Step of the given size along which the loss grows fastest.

    Args:
        gradient: float32 (N, H, W, C).
        size: length of the step in `norm`.
        norm: linf (signs) or l2 (the gradient's direction).

    Returns:
        float64 (N, H, W, C); zero where an image's gradient is zero.
    """
    wide = gradient.astype(np.float64)
    if norm is Norm.LINF:
        return size * np.sign(wide)
    lengths = np.sqrt(np.square(wide).sum(axis=(1, 2, 3), keepdims=True))
    wide *= size / np.maximum(lengths, np.finfo(np.float64).tiny)
    return wide


def zero_gradients(gradient: np.ndarray) -> np.ndarray:
    """int64 (N,): 1 where an image's gradient has no nonzero pixel, else 0."""
    return np.where(gradient.any(axis=(1, 2, 3)), 0, 1)
