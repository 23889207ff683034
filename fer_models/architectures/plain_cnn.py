"""`plain_cnn`: four convolutions of 256, no batch normalisation (1.8 M parameters at 48x48).

The net it follows ended in a sigmoid under a categorical loss; this one outputs logits.
"""

import keras
from keras import layers

from fer_models.recipe import Recipe

RECIPE = Recipe(epochs=20, batch_size=64, learning_rate=5e-4, weight_decay=1e-2, calm_epochs=6)


def build(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Images float32 (N, H, W, C) in [0, 1] to logits float32 (N, num_classes)."""
    images = keras.Input(input_shape, name="images")
    x = layers.Rescaling(4.0, offset=-2.0)(images)
    for block in range(4):
        padding = "valid" if min(x.shape[1:3]) >= 3 else "same"  # 28x28 ends in one pixel
        x = layers.Conv2D(
            256, 3, padding=padding, activation="relu", kernel_initializer="he_normal"
        )(x)
        x = layers.Dropout(0.2)(x)
        if block < 3:
            x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dense(64, activation="relu", kernel_initializer="he_normal")(x)
        x = layers.Dropout(0.2)(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="plain_cnn")
