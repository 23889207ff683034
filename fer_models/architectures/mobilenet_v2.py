"""`mobilenet_v2`: an ImageNet backbone on faces enlarged to 96 pixels, own dense head (2.6 M).

Source: Sandler et al. 2018, "MobileNetV2: inverted residuals and linear bottlenecks",
arXiv 1801.04381. `build` starts from random weights; a training fills the backbone (`pretrained`).
"""

import keras
from keras import layers, ops

from fer_models.recipe import Recipe

RECIPE = Recipe(epochs=20, batch_size=64, learning_rate=1e-3, weight_decay=1e-2, calm_epochs=6)
SIZE = 96
"""The backbone halves the image five times, so 48 pixels would leave two by two."""
MOMENTUM = 0.95
"""Momentum of the batch statistics. Keras' 0.999 would keep ImageNet's for epochs."""


def build(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Images float32 (N, H, W, C) in [0, 1] to logits float32 (N, num_classes)."""
    images = keras.Input(input_shape, name="images")
    x = layers.Rescaling(2.0, offset=-1.0)(images)
    x = ops.image.resize(x, (SIZE, SIZE))
    if input_shape[-1] == 1:
        x = layers.Concatenate(name="grey_to_rgb")([x, x, x])
    backbone = keras.applications.MobileNetV2(
        input_shape=(SIZE, SIZE, 3), input_tensor=x, include_top=False, weights=None
    )
    for layer in backbone.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = MOMENTUM
    x = layers.GlobalAveragePooling2D()(backbone.output)
    x = layers.Dropout(0.3)(x)
    x = layers.Dense(256, activation="relu")(x)
    x = layers.Dropout(0.3)(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="mobilenet_v2")


def pretrained() -> keras.Model:
    """The backbone with ImageNet weights, fetched by Keras at first use."""
    return keras.applications.MobileNetV2(input_shape=(SIZE, SIZE, 3), include_top=False)
