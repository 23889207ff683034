"""`mini_xception`: four residual blocks of depthwise separable convolutions (58 k parameters).

Source: Arriaga et al. 2017, "Real-time convolutional neural networks for emotion and gender
classification", arXiv 1710.07557, figure 3 (their 64x64 input is 48x48 here).
"""

import keras
from keras import layers

from fer_models.recipe import Recipe

RECIPE = Recipe(epochs=28, batch_size=64, learning_rate=3e-3, weight_decay=5e-4)


def build(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Images float32 (N, H, W, C) in [0, 1] to logits float32 (N, num_classes)."""
    images = keras.Input(input_shape, name="images")
    x = layers.Rescaling(4.0, offset=-2.0)(images)
    for _ in range(2):
        x = layers.Conv2D(8, 3, use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
    for filters in (16, 32, 64, 128):
        x = _residual_block(x, filters)
    x = layers.Conv2D(num_classes, 3, padding="same")(x)
    logits = layers.GlobalAveragePooling2D(dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="mini_xception")


def _residual_block(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
    """Two separable convolutions, halved by pooling, beside a strided 1x1 shortcut."""
    shortcut = layers.Conv2D(filters, 1, strides=2, padding="same", use_bias=False)(x)
    shortcut = layers.BatchNormalization()(shortcut)
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    return layers.add([x, shortcut])
