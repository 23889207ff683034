"""`tflearn_cnn`: three large convolutions and a dense layer of 3072 (3.8 M parameters at 48x48).

The last pooling is ours: without it the dense layer alone has 57 M parameters.
"""

import keras
from keras import layers

from fer_models.recipe import Recipe

RECIPE = Recipe(epochs=24, batch_size=64, learning_rate=5e-4, weight_decay=1e-2)


def build(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Images float32 (N, H, W, C) in [0, 1] to logits float32 (N, num_classes)."""
    images = keras.Input(input_shape, name="images")
    x = layers.Rescaling(4.0, offset=-2.0)(images)
    for _ in range(2):
        x = _convolution(x, 64, 5)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    x = _convolution(x, 128, 4)
    x = layers.Dropout(0.3)(x)
    x = layers.MaxPooling2D(4, padding="same")(x)
    x = layers.Flatten()(x)
    x = layers.Dense(3072, activation="relu", kernel_initializer="he_normal")(x)
    x = layers.Dropout(0.5)(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="tflearn_cnn")


def _convolution(x: keras.KerasTensor, filters: int, size: int) -> keras.KerasTensor:
    return layers.Conv2D(
        filters, size, padding="same", activation="relu", kernel_initializer="he_normal"
    )(x)
