"""Pixels of faces: float to 8 bits, and the part of a face's square inside its frame."""

import numpy as np

from faces.box import Box


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Clip to [0, 1] and round to 0 to 255."""
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)


def part_inside(
    square: Box, shape: tuple[int, ...]
) -> tuple[int, tuple[slice, slice], tuple[slice, slice]]:
    """Find where a square lies in a frame (H, W, ...).

    Returns:
        Side of the square in whole pixels; rows and columns of the frame that it covers; the same
        rows and columns counted in the square.
    """
    side = max(1, round(square.width))
    left, top = round(square.x), round(square.y)
    rows = slice(max(top, 0), min(top + side, shape[0]))
    columns = slice(max(left, 0), min(left + side, shape[1]))
    within = (
        slice(rows.start - top, max(rows.stop - top, 0)),
        slice(columns.start - left, max(columns.stop - left, 0)),
    )
    return side, (rows, columns), within
