"""What gradient attacks share: loss, random starts, steps of steepest ascent."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.base import Attack, Keys
from attacks.threat_model import Norm, project
from datasets.base.errors import InputError
from fer_models.losses import Loss


@dataclass(frozen=True, kw_only=True)
class GradientAttack(Attack):
    """An attack that maximises a loss by its gradient.

    Attributes:
        loss: loss that is maximised. The default does not depend on the scale of the logits.
    """

    loss: Loss = Loss.SCALED_CROSS_ENTROPY

    needs_gradients: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.loss not in list(Loss):
            raise InputError(f"`loss` must be one of {', '.join(Loss)}; got {self.loss!r}.")


def steepest_step(gradient: np.ndarray, size: float, norm: Norm) -> np.ndarray:
    """Step of the given size in the direction in which the loss grows fastest.

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


def slopes(gradient: np.ndarray, norm: Norm) -> np.ndarray:
    """How much a loss grows by a step of length 1: the dual norm of its gradient.

    Args:
        gradient: float32 (..., H, W, C).
        norm: linf or l2.

    Returns:
        float64 (...).
    """
    wide = gradient.astype(np.float64)
    if norm is Norm.LINF:
        return np.abs(wide).sum(axis=(-3, -2, -1))
    return np.sqrt(np.square(wide).sum(axis=(-3, -2, -1)))


def random_start(clean: np.ndarray, eps: float, norm: Norm, keys: Keys) -> np.ndarray:
    """Random points of the ball, float32 (N, H, W, C), clipped to [0, 1].

    Uniform in the cube for linf; a uniform direction with a uniform length for l2; for l1 the point
    of the ball nearest to a normal draw.
    """
    shape, points = clean.shape[1:], []
    for draw in keys.generators():
        if norm is Norm.LINF:
            points.append(draw.uniform(-eps, eps, shape))
        else:
            point = draw.standard_normal(shape)
            if norm is Norm.L2:
                point = draw.uniform(0, eps) * point / np.linalg.norm(point)
            points.append(point)
    return project(clean + np.array(points), clean, eps, norm)


def zero_gradients(gradient: np.ndarray) -> np.ndarray:
    """int64 (N,): 1 where an image's gradient has no nonzero pixel, else 0."""
    return np.where(gradient.any(axis=(1, 2, 3)), 0, 1)
