"""`inception`: six GoogLeNet modules on a stem for small images (2.1 M parameters).

Source: Szegedy et al. 2015, "Going deeper with convolutions", arXiv 1409.4842, table 1 (modules 3a
to 4d without the strided 7x7 stem); batch normalisation after Ioffe & Szegedy 2015,
arXiv 1502.03167.
"""

import keras
from keras import layers

from fer_models.recipe import Recipe

RECIPE = Recipe(epochs=24, batch_size=64, learning_rate=2e-3, weight_decay=1e-2)

_MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (96, 96, 160, 24, 48, 48),
    "4a": (128, 96, 192, 16, 48, 64),
    "4b": (128, 112, 224, 24, 64, 64),
    "4c": (128, 112, 224, 24, 64, 64),
    "4d": (160, 128, 256, 32, 80, 96),
}
"""Filters: 1x1; 1x1 before 3x3, 3x3; 1x1 before 5x5, 5x5; 1x1 after the pool."""


def build(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Images float32 (N, H, W, C) in [0, 1] to logits float32 (N, num_classes)."""
    images = keras.Input(input_shape, name="images")
    x = layers.Rescaling(4.0, offset=-2.0)(images)
    x = layers.MaxPooling2D(3, strides=2, padding="same")(_convolution(x, 32, 3))
    x = layers.MaxPooling2D(3, strides=2, padding="same")(_convolution(x, 96, 3))
    for name, filters in _MODULES.items():
        if name == "4a":
            x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        x = _module(x, *filters)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.4)(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="inception")


def _module(
    x: keras.KerasTensor, one: int, to_three: int, three: int, to_five: int, five: int, pool: int
) -> keras.KerasTensor:
    """Four views of the same map side by side: 1x1, 3x3, 5x5 and pooled."""
    pooled = layers.MaxPooling2D(3, strides=1, padding="same")(x)
    return layers.concatenate(
        [
            _convolution(x, one, 1),
            _convolution(_convolution(x, to_three, 1), three, 3),
            _convolution(_convolution(x, to_five, 1), five, 5),
            _convolution(pooled, pool, 1),
        ]
    )


def _convolution(x: keras.KerasTensor, filters: int, size: int) -> keras.KerasTensor:
    x = layers.Conv2D(filters, size, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.ReLU()(x)
