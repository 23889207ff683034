"""`simple_cnn`: four convolutions and one wide dense layer (2.35 M parameters at 48x48)."""

import keras
from keras import layers

from fer_models.recipe import Recipe

RECIPE = Recipe(epochs=28, batch_size=64, learning_rate=1e-3, weight_decay=1e-4)


def build(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Images float32 (N, H, W, C) in [0, 1] to logits float32 (N, num_classes)."""
    images = keras.Input(input_shape, name="images")
    x = layers.Rescaling(4.0, offset=-2.0)(images)
    x = layers.Conv2D(32, 3, activation="relu", kernel_initializer="he_normal")(x)
    x = layers.Conv2D(64, 3, activation="relu", kernel_initializer="he_normal")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Dropout(0.25)(x)
    x = layers.Conv2D(128, 3, activation="relu", kernel_initializer="he_normal")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(128, 3, activation="relu", kernel_initializer="he_normal")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Dropout(0.25)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(1024, activation="relu", kernel_initializer="he_normal")(x)
    x = layers.Dropout(0.5)(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="simple_cnn")
