"""What a foreign model takes: one input, and how its axes hold images (N, h, w, c)."""

from collections.abc import Sequence
from math import isqrt
from typing import NamedTuple

import numpy as np


class InputLayout(NamedTuple):
    """How a model's input holds images.

    Attributes:
        sides: its axes after that of the batch; None where the file leaves one free.
        shape: (h, w, c) of an image, None where the file does not say.
        channels_first: whether the channels come before rows and columns.
    """

    sides: tuple[int | None, ...]
    shape: tuple[int, int, int] | None
    channels_first: bool = False

    def arrange(self, images: np.ndarray) -> np.ndarray:
        """Images (N, h, w, c) as the model takes them."""
        if self.channels_first:
            return np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        if len(self.sides) == 3:
            return images
        return images[..., 0] if len(self.sides) == 2 else images.reshape(len(images), -1)


def layout_of(sides: Sequence[object]) -> InputLayout:
    """Read the axes of an input after that of the batch.

    Images may be (height, width, channels), channels first, (height, width) where they are grey,
    or one row of all pixels, line by line; the latter are squares.

    Args:
        sides: numbers; anything else where an axis is free.

    Raises:
        ValueError: no images are laid out so.
    """
    found = tuple(side if isinstance(side, int) and side > 0 else None for side in sides)
    if len(found) == 3:
        first = found[0] in (1, 3) and found[2] not in (1, 3)
        return InputLayout(found, _whole(*(found[1:] + found[:1] if first else found)), first)
    if len(found) == 2:
        return InputLayout(found, _whole(*found, 1))
    if len(found) == 1:
        pixels = found[0]
        if pixels is None:
            return InputLayout(found, None)
        for channels in (1, 3):
            side = isqrt(pixels // channels)
            if side * side * channels == pixels:
                return InputLayout(found, (side, side, channels))
    axes = ", ".join("any" if side is None else str(side) for side in found)
    raise ValueError(
        f"its input is (N, {axes}), which holds no images; it must be (N, height, width, channels)"
    )


def require_one(inputs: int) -> None:
    """Refuse a model of several inputs.

    Raises:
        ValueError: the count is not 1.
    """
    if inputs != 1:
        raise ValueError(f"it takes {inputs} inputs, not one")


def _whole(*sides: int | None) -> tuple[int, int, int] | None:
    height, width, channels = sides
    if height is None or width is None or channels is None:
        return None
    return height, width, channels
