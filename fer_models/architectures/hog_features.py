"""Histograms of oriented gradients as Keras operations, so that gradients reach the image.

Source: Dalal & Triggs 2005, "Histograms of oriented gradients for human detection", with their
linear interpolation between orientations. Without it, as in scikit-image, the histogram jumps
where a gradient turns, and an attack would not see that turning changes anything.
"""

import math

import numpy as np
from keras import KerasTensor, ops

ORIENTATIONS = 8
CELL = 8
"""Side of a cell, pixels: 16 would lose the mouth at 48 pixels."""
BLOCK = 2
"""Side of a block, cells."""

_SOFT = 1e-4
"""Gradients far below a grey level (0.004) count less, so the magnitude is smooth at 0."""
_EPS = 1e-3
"""Norm of a block that counts as empty."""
_CLIP = 0.2


def hog(images: KerasTensor) -> KerasTensor:
    """Normalised histograms of blocks of cells.

    Args:
        images: (N, H, W, 1) in [0, 1], H and W at least 16.

    Returns:
        (N, H // 8 - 1, W // 8 - 1, 32) in [0, 1]: for each block its 4 cells, row by row, with 8
        unsigned orientations each; L2-Hys normalised.
    """
    cells = hog_cells(images)
    rows, columns = (side - BLOCK + 1 for side in cells.shape[1:3])
    blocks = ops.concatenate(
        [
            cells[:, top : top + rows, left : left + columns]
            for top in range(BLOCK)
            for left in range(BLOCK)
        ],
        axis=-1,
    )
    return _normalised(ops.minimum(_normalised(blocks), _CLIP))


def hog_cells(images: KerasTensor) -> KerasTensor:
    """Mean vote for each orientation in each cell: (N, H // 8, W // 8, 8)."""
    across, down = _differences(images)
    square = across * across + down * down
    magnitude = ops.sqrt(square + _SOFT**2) - _SOFT
    flat = square < 1e-12  # has no orientation, and arctan2 no gradient there
    angle = ops.arctan2(ops.where(flat, 0.0, down), ops.where(flat, 1.0, across))
    position = angle * (ORIENTATIONS / math.pi) - 0.5  # bin k lies at k
    bins = np.arange(ORIENTATIONS, dtype=np.float32)  # tf2onnx would make an input of a tensor
    half = ORIENTATIONS / 2
    distance = ops.abs(ops.mod(position - bins + half, float(ORIENTATIONS)) - half)
    votes = magnitude * ops.maximum(1.0 - distance, 0.0)
    return ops.average_pool(votes, CELL, strides=CELL, padding="valid")


def _differences(images: KerasTensor) -> tuple[KerasTensor, KerasTensor]:
    """Right minus left neighbour, lower minus upper; 0 at the rim."""
    across = ops.pad(images[:, :, 2:] - images[:, :, :-2], [(0, 0), (0, 0), (1, 1), (0, 0)])
    down = ops.pad(images[:, 2:] - images[:, :-2], [(0, 0), (1, 1), (0, 0), (0, 0)])
    return across, down


def _normalised(blocks: KerasTensor) -> KerasTensor:
    return blocks / ops.sqrt(ops.sum(blocks * blocks, axis=-1, keepdims=True) + _EPS**2)
