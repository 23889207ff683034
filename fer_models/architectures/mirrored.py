"""Weights that commute with mirroring: one half of the channels is the mirror image of the other.

Source: group convolutions of Cohen & Welling 2016, "Group equivariant convolutional networks",
arXiv 1602.07576, for the group of the identity and the mirror image, as a constraint on ordinary
layers.
"""

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("deadpan")
class Mirrored(keras.constraints.Constraint):
    """Bring a weight to the nearest one that commutes with mirroring.

    Args:
        axes: axes whose halves are exchanged.
        width: axis that is mirrored, if any.
    """

    def __init__(self, axes: tuple[int, ...], width: int | None = None) -> None:
        self.axes, self.width = tuple(axes), width

    def __call__(self, w: keras.KerasTensor) -> keras.KerasTensor:
        """The mean of a weight and its twin, of the same shape."""
        twin = w if self.width is None else ops.flip(w, self.width)
        for axis in self.axes:
            twin = ops.roll(twin, w.shape[axis] // 2, axis)
        return (w + twin) / 2

    def half(self, w: np.ndarray) -> np.ndarray:
        """What tells all of a weight: the first half of its last axis of pairs."""
        return np.split(w, 2, self.axes[-1])[0]

    def whole(self, half: np.ndarray) -> np.ndarray:
        """The weight whose `half` this is."""
        twin = half if self.width is None else np.flip(half, self.width)
        for axis in self.axes[:-1]:
            twin = np.roll(twin, half.shape[axis] // 2, axis)
        return np.concatenate([half, twin], self.axes[-1])

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor, for checkpoints."""
        return {"axes": self.axes, "width": self.width}
