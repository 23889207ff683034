"""`xception`: entry blocks of 64, 128 and 256, eight residual blocks of 256 (3.4 M parameters).

Source: Chollet 2017, "Xception: deep learning with depthwise separable convolutions",
arXiv 1610.02357, figure 5, with one convolution for the stem and a third of the width.
"""

import keras
from keras import layers

from fer_models.recipe import Recipe

RECIPE = Recipe(
    epochs=28, batch_size=64, learning_rate=2e-3, weight_decay=1e-2, rotation=8.0, zoom=0.08
)
MIDDLE_BLOCKS = 8


def build(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Images float32 (N, H, W, C) in [0, 1] to logits float32 (N, num_classes)."""
    images = keras.Input(input_shape, name="images")
    x = layers.Rescaling(4.0, offset=-2.0)(images)
    x = layers.Conv2D(32, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    for filters in (64, 128, 256):
        x = _halving_block(x, filters, filters)
    for _ in range(MIDDLE_BLOCKS):
        shortcut = x
        for _ in range(3):
            x = _separable(layers.ReLU()(x), 256)
        x = layers.add([x, shortcut])
    x = _halving_block(x, 256, 512)
    for filters in (768, 1024):
        x = layers.ReLU()(_separable(x, filters))
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.5)(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="xception")


def _halving_block(x: keras.KerasTensor, first: int, second: int) -> keras.KerasTensor:
    """Two separable convolutions, halved by pooling, beside a strided 1x1 shortcut."""
    shortcut = layers.Conv2D(second, 1, strides=2, padding="same", use_bias=False)(x)
    shortcut = layers.BatchNormalization()(shortcut)
    x = _separable(layers.ReLU()(x), first)
    x = _separable(layers.ReLU()(x), second)
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    return layers.add([x, shortcut])


def _separable(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(x)
    return layers.BatchNormalization()(x)
