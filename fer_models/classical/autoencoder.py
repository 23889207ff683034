"""A convolutional autoencoder of 48x48 grey faces, whose code boosted trees classify.

Source: Hinton & Salakhutdinov 2006, "Reducing the dimensionality of data with neural networks".
"""

import sys

import keras
import numpy as np
from keras import layers

from fer_models.classical.grey_faces import SIDE

WIDTHS = (16, 32, 64)
"""Filters of the encoder's convolutions; the decoder has them in reverse order."""
BATCH_SIZE = 128


def build(code: int, dtype: str = "float32") -> keras.Model:
    """An untrained autoencoder.

    Args:
        code: width of the code, the layer named `code`.
        dtype: type of its arithmetic. In float64 an image's code does not depend on its batch, so
            it always falls on the same side of a tree's threshold.

    Returns:
        Model of images (N, 48, 48, 1) in [0, 1] to images of the same shape.
    """
    small, policy = SIDE // 2 ** len(WIDTHS), keras.DTypePolicy(dtype)
    options = {"strides": 2, "padding": "same", "activation": "relu", "dtype": policy}
    images = keras.Input((SIDE, SIDE, 1), dtype=dtype)
    x = images
    for width in WIDTHS:
        x = layers.Conv2D(width, 3, **options)(x)
    x = layers.Flatten(dtype=policy)(x)
    x = layers.Dense(code, name="code", dtype=policy)(x)
    x = layers.Dense(small * small * WIDTHS[-1], activation="relu", dtype=policy)(x)
    x = layers.Reshape((small, small, WIDTHS[-1]), dtype=policy)(x)
    for width in WIDTHS[-2::-1]:
        x = layers.Conv2DTranspose(width, 3, **options)(x)
    x = layers.Conv2DTranspose(1, 3, **{**options, "activation": "sigmoid"})(x)
    return keras.Model(images, x, name="autoencoder")


def fit_autoencoder(faces: np.ndarray, code: int, epochs: int, seed: int) -> keras.Model:
    """Learn to reconstruct faces uint8 (N, 48, 48, 1); prints a line per epoch on standard error.

    The weights are those that float16 holds, as stored: trees learn the code that they will see.
    """
    keras.utils.set_random_seed(seed)
    model = build(code)
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="mse")
    images = faces.astype(np.float32) / 255
    model.fit(images, images, batch_size=BATCH_SIZE, epochs=epochs, verbose=0, callbacks=[_Lines()])
    model.set_weights([weights.astype(np.float16) for weights in model.get_weights()])
    return model


class Encoder:
    """The first half of an autoencoder.

    Attributes:
        autoencoder: the whole of it.
    """

    def __init__(self, autoencoder: keras.Model) -> None:
        """Copy an autoencoder's weights into float64."""
        self.autoencoder = autoencoder
        code = autoencoder.get_layer("code")
        exact = build(code.units, "float64")
        exact.set_weights(autoencoder.get_weights())
        self._model = keras.Model(exact.inputs[0], exact.get_layer("code").output)

    def __call__(self, faces: np.ndarray) -> np.ndarray:
        """Codes float64 (N, code) of faces uint8 (N, 48, 48, 1)."""
        parts = [
            np.asarray(self._model(faces[start : start + BATCH_SIZE].astype(np.float64) / 255))
            for start in range(0, len(faces), BATCH_SIZE)
        ]
        return np.concatenate(parts)


class _Lines(keras.callbacks.Callback):
    """Print one line per epoch on standard error."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        loss = (logs or {})["loss"]
        print(f"autoencoder, epoch {epoch + 1}: squared error {loss:.5f}", file=sys.stderr)
