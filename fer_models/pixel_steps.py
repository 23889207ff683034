"""Named steps on the pixels of each image, which a contract may list before its scaling.

All are Keras operations on images (N, H, W, C) in [0, 1]. They have gradients, except histogram
equalisation: its backward pass is the identity (straight-through).
"""

from collections.abc import Callable

import keras
from keras import ops

from fer_models.contract import PixelStep


def apply_step(step: PixelStep, images: keras.KerasTensor) -> keras.KerasTensor:
    """Apply a step to images (N, H, W, C); those in [0, 1] except after `standardise`."""
    return _STEPS[step](images)


def _reverse_channels(images: keras.KerasTensor) -> keras.KerasTensor:
    return ops.flip(images, axis=-1)


def _standardise(images: keras.KerasTensor) -> keras.KerasTensor:
    """Each image minus its mean, divided by its standard deviation.

    As in `tf.image.per_image_standardization`, the deviation is at least 1/sqrt(pixels) of a
    0-to-255 image, so that a constant image becomes 0.
    """
    mean = ops.mean(images, axis=(1, 2, 3), keepdims=True)
    variance = ops.mean(ops.square(images - mean), axis=(1, 2, 3), keepdims=True)
    height, width, channels = images.shape[1:]
    least = 1 / (255 * (height * width * channels) ** 0.5)
    return (images - mean) / ops.sqrt(ops.maximum(variance, least**2))


def _equalise(images: keras.KerasTensor) -> keras.KerasTensor:
    """Histogram equalisation of each channel with 256 levels, as `cv2.equalizeHist` does it."""
    _, height, width, channels = images.shape
    pixels = height * width
    levels = ops.cast(ops.round(ops.stop_gradient(images) * 255), "int32")
    rows = ops.reshape(ops.transpose(levels, (0, 3, 1, 2)), (-1, pixels))
    below = ops.cumsum(ops.bincount(rows, minlength=256), axis=1)  # pixels up to each level
    count = ops.cast(ops.take_along_axis(below, rows, axis=1), "float32")
    fewest = ops.min(count, axis=1, keepdims=True)  # pixels of the darkest level
    spread = ops.round(255 * (count - fewest) / ops.maximum(pixels - fewest, 1.0)) / 255
    constant = fewest == pixels
    spread = ops.where(constant, ops.cast(rows, "float32") / 255, spread)
    shaped = ops.reshape(spread, (-1, channels, height, width))
    equalised = ops.transpose(shaped, (0, 2, 3, 1))
    return images + ops.stop_gradient(equalised - images)


_STEPS: dict[PixelStep, Callable[[keras.KerasTensor], keras.KerasTensor]] = {
    PixelStep.BGR: _reverse_channels,
    PixelStep.EQUALISE: _equalise,
    PixelStep.STANDARDISE: _standardise,
}
