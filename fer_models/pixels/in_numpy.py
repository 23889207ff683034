"""What a black box is fed: the contract's size, channels, steps and scaling, in numpy.

The same as `fer_models/pixels/in_keras.py`, without gradients; tests hold them together.
"""

from collections.abc import Callable

import numpy as np

from fer_models.contract import Contract, PixelStep
from fer_models.pixels.resampling import resize_weights

GREY = (0.2989, 0.5870, 0.1140)
"""Weights of red, green and blue in TensorFlow's `rgb_to_grayscale`."""


def fitted_images(images: np.ndarray, contract: Contract) -> np.ndarray:
    """What the model is fed, float32 (N, h, w, c), for images float32 (N, H, W, C) in [0, 1]."""
    if images.shape[-1] != contract.channels:
        grey = np.asarray(GREY, np.float32)
        images = (
            np.repeat(images, 3, axis=-1) if contract.channels == 3 else (images @ grey)[..., None]
        )
    height, width = images.shape[1:3]
    if contract.resized or (height, width) != (contract.height, contract.width):
        rows, columns = resize_weights(height, width, contract)
        planes = images.transpose(0, 3, 1, 2)
        planes = _stored(rows @ _stored(planes @ columns.T, contract), contract)
        images = planes.transpose(0, 2, 3, 1)
    for step in contract.steps:
        images = _STEPS[step](images)
    if (contract.low, contract.high) != (0.0, 1.0):
        images = images * np.float32(contract.high - contract.low) + np.float32(contract.low)
    if (contract.mean, contract.std) != ((0.0,), (1.0,)):
        mean, std = (np.asarray(values, np.float32) for values in (contract.mean, contract.std))
        images = (images - mean) / std
    return np.ascontiguousarray(images)


def _stored(images: np.ndarray, contract: Contract) -> np.ndarray:
    """In steps of 1/255 where the contract says so."""
    if not contract.eight_bit_resize:
        return images
    one = np.float32(255)
    return np.floor(images.clip(0, 1) * one + np.float32(0.5)) / one  # PIL rounds halves up


def _standardise(images: np.ndarray) -> np.ndarray:
    """Each image minus its mean, divided by its standard deviation; a constant one becomes 0."""
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    variance = np.square(images - mean).mean(axis=(1, 2, 3), keepdims=True)
    least = np.float32(1 / (255 * images[0].size ** 0.5))
    standardised: np.ndarray = (images - mean) / np.sqrt(np.maximum(variance, least**2))
    return standardised


def _equalise(images: np.ndarray) -> np.ndarray:
    """Histogram equalisation of each channel with 256 levels."""
    inside = images.clip(0, 1)  # cubic resampling overshoots
    levels = np.rint(inside * np.float32(255)).astype(np.int64).transpose(0, 3, 1, 2)
    rows = levels.reshape(-1, levels.shape[2] * levels.shape[3])
    spread = np.empty(rows.shape, np.float32)
    for row, found in zip(rows, spread):
        below = np.bincount(row, minlength=256).cumsum()  # pixels up to each level
        fewest, pixels = below[row].min(), len(row)  # pixels of the darkest level
        scale = 255 * (below[row] - fewest) / max(pixels - fewest, 1)
        found[:] = row if fewest == pixels else np.rint(scale.astype(np.float32))
    return (spread / np.float32(255)).reshape(levels.shape).transpose(0, 2, 3, 1)


_STEPS: dict[PixelStep, Callable[[np.ndarray], np.ndarray]] = {
    PixelStep.BGR: lambda images: images[..., ::-1],
    PixelStep.EQUALISE: _equalise,
    PixelStep.STANDARDISE: _standardise,
}
