"""`four_conv_cnn`: four wide convolutions and two dense layers (4.5 M parameters at 48x48)."""

import keras
from keras import layers

from fer_models.recipe import Recipe

RECIPE = Recipe(epochs=20, batch_size=64, learning_rate=1e-3, weight_decay=1e-2, calm_epochs=6)


def build(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Images float32 (N, H, W, C) in [0, 1] to logits float32 (N, num_classes)."""
    images = keras.Input(input_shape, name="images")
    x = layers.Rescaling(4.0, offset=-2.0)(images)
    for filters, size in ((64, 3), (128, 5), (512, 3), (512, 3)):
        x = layers.Conv2D(filters, size, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D(2)(x)
        x = layers.Dropout(0.25)(x)
    x = layers.Flatten()(x)
    for units in (256, 512):
        x = layers.Dense(units, use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
        x = layers.Dropout(0.25)(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="four_conv_cnn")
