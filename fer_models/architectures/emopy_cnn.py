"""`emopy_cnn`: six 4x4 convolutions of 32 in three pooled pairs (92 k parameters).

Source: the convolutional net of EmoPy (ThoughtWorks 2018), for FER+.
"""

import keras
from keras import layers

from fer_models.recipe import Recipe

RECIPE = Recipe(epochs=28, batch_size=64, learning_rate=2e-3, weight_decay=5e-3)


def build(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Images float32 (N, H, W, C) in [0, 1] to logits float32 (N, num_classes)."""
    images = keras.Input(input_shape, name="images")
    x = layers.Rescaling(4.0, offset=-2.0)(images)
    for _ in range(3):
        for _ in range(2):
            x = layers.Conv2D(32, 4, padding="same", use_bias=False)(x)
            x = layers.BatchNormalization()(x)
            x = layers.ReLU()(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.3)(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="emopy_cnn")
