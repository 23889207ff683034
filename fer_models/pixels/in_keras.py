"""What a Keras model is fed: the contract's size, channels, steps and scaling, in Keras operations.

All have gradients, except histogram equalisation and rounding to 8 bits: their backward pass is the
identity (straight-through).
"""

from collections.abc import Callable

import keras
from keras import ops

from fer_models.contract import Contract, PixelStep
from fer_models.pixels.resampling import resize_weights


def fit_to_contract(images: keras.KerasTensor, contract: Contract) -> keras.KerasTensor:
    """What the model is fed for images (N, H, W, C) in [0, 1]."""
    if images.shape[-1] != contract.channels:
        images = (
            ops.repeat(images, 3, axis=-1)
            if contract.channels == 3
            else ops.image.rgb_to_grayscale(images)
        )
    height, width = images.shape[1:3]
    if contract.resized or (height, width) != (contract.height, contract.width):
        rows, columns = resize_weights(height, width, contract)
        images = _stored(ops.einsum("jw,nhwc->nhjc", columns, images), contract)
        images = _stored(ops.einsum("ih,nhjc->nijc", rows, images), contract)
    for step in contract.steps:
        images = apply_step(step, images)
    if (contract.low, contract.high) != (0.0, 1.0):
        images = images * (contract.high - contract.low) + contract.low
    if (contract.mean, contract.std) != ((0.0,), (1.0,)):
        mean, std = (ops.convert_to_tensor(v, "float32") for v in (contract.mean, contract.std))
        images = (images - mean) / std
    return images


def _stored(images: keras.KerasTensor, contract: Contract) -> keras.KerasTensor:
    """In steps of 1/255 where the contract says so; the gradient is that of the identity."""
    if not contract.eight_bit_resize:
        return images
    steps = ops.floor(ops.clip(images, 0.0, 1.0) * 255 + 0.5) / 255  # PIL rounds halves up
    return images + ops.stop_gradient(steps - images)


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
    inside = ops.clip(ops.stop_gradient(images), 0.0, 1.0)  # cubic resampling overshoots
    levels = ops.cast(ops.round(inside * 255), "int32")
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
