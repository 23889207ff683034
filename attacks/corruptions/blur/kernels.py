"""Filtering with a point spread given as shifts, so that a blur may be a fraction of a pixel."""

import cv2
import numpy as np


def kernel_of_shifts(rows: np.ndarray, columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Square kernel that adds the image at several shifts, interpolating between pixels.

    Args:
        rows: float (M,), shifts downwards, pixels.
        columns: float (M,), shifts to the right, pixels.
        weights: float (M,), weight of each shift.

    Returns:
        float32 (S, S), S odd, summing to 1.
    """
    reach = int(np.ceil(max(np.abs(rows).max(), np.abs(columns).max()))) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    down, right = rows - top, columns - left
    for row, row_share in ((top, 1 - down), (top + 1, down)):
        for column, share in ((left, 1 - right), (left + 1, right)):
            np.add.at(kernel, (row + reach, column + reach), weights * row_share * share)
    return (kernel / kernel.sum()).astype(np.float32)


def apply_kernel(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Filter one image (H, W, C); edges are repeated outwards."""
    filtered = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.clip(filtered.reshape(image.shape), 0, 1)
