"""`dexpression`: two parallel feature extraction blocks and one dense layer (0.4 M parameters).

Source: Burkert et al. 2015, "DeXpression: deep convolutional neural network for expression
recognition", arXiv 1509.05371, figure 2. Batch normalisation replaces local response
normalisation; the first convolution keeps its stride, made for 224 pixels.
"""

import keras
from keras import layers

from fer_models.recipe import Recipe

RECIPE = Recipe(epochs=28, batch_size=64, learning_rate=2e-3, weight_decay=1e-2)


def build(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Images float32 (N, H, W, C) in [0, 1] to logits float32 (N, num_classes)."""
    images = keras.Input(input_shape, name="images")
    x = layers.Rescaling(4.0, offset=-2.0)(images)
    x = layers.Conv2D(64, 7, strides=2, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    x = layers.BatchNormalization()(x)
    for _ in range(2):
        x = _feature_extraction(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        x = layers.BatchNormalization()(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.4)(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="dexpression")


def _feature_extraction(x: keras.KerasTensor) -> keras.KerasTensor:
    """A 3x3 convolution behind a narrow 1x1, beside a pooled 1x1."""
    left = layers.Conv2D(96, 1, activation="relu")(x)
    left = layers.Conv2D(208, 3, padding="same", activation="relu")(left)
    right = layers.MaxPooling2D(3, strides=1, padding="same")(x)
    right = layers.Conv2D(64, 1, activation="relu")(right)
    return layers.concatenate([left, right])
