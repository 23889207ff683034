"""`views10`: the mean answer to a face, shifted and mirrored (test-time augmentation).

No defence by intention, but a usual way to a little more accuracy, as the ten crops of Krizhevsky,
Sutskever & Hinton 2012 are. As one differentiable classifier it is attacked as a whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from datasets.base.errors import InputError
from fer_models.defences.base import JUDGING, Defence

SHIFTS = {2: ((0, 0),), 10: ((0, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))}
"""Directions of the shifts for each number of views; each is also mirrored."""
SHARE = 1 / 24
"""Of the side: a face of 48 pixels moves by 2, half of what the nets were trained on."""


@dataclass(frozen=True)
class ShiftedViews(Defence):
    """A face and its mirror image (2), or both in the middle and shifted to four corners (10)."""

    count: int
    name = "views"
    differentiable = True

    def __post_init__(self) -> None:
        if self.count not in SHIFTS:
            raise InputError(f"views takes 2 (mirrored) or 10 (also shifted); got {self.count}.")

    def __call__(self, images: keras.KerasTensor, rng: np.random.Generator) -> keras.KerasTensor:
        """The last of the views."""
        return list(self.views(images, JUDGING))[-1]

    def number_of_views(self, draws: range) -> int:
        """As many for an attack as for the logits."""
        return self.count

    def views(self, images: keras.KerasTensor, draws: range) -> Iterator[keras.KerasTensor]:
        """Each shift and its mirror image; the border is repeated into what moves in."""
        height, width = images.shape[1:3]
        rows, columns = round(height * SHARE), round(width * SHARE)
        padded = _edges(_edges(images, rows, 1), columns, 2)
        for down, right in SHIFTS[self.count]:
            top, left = rows * (1 - down), columns * (1 - right)
            view = padded[:, top : top + height, left : left + width]
            yield view
            yield ops.flip(view, axis=2)


def _edges(images: keras.KerasTensor, count: int, axis: int) -> keras.KerasTensor:
    """Images with their first and last rows (axis 1) or columns (axis 2) repeated outwards."""
    first, last = ops.split(images, [1], axis=axis)[0], ops.take(images, [-1], axis=axis)
    return ops.concatenate([first] * count + [images] + [last] * count, axis=axis)
