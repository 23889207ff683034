"""A small net of ten classes on images of 28x28 pixels, for `benchmarks/attacks.py`: `digits28`.

Data: the digits of scikit-learn, 8x8 pixels, enlarged. The net is trained in a few seconds, from a
fixed seed.
"""

from typing import NamedTuple

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

from datasets.labels import LabelScheme
from fer_models.contract import Contract
from fer_models.keras_classifier import KerasClassifier, wrap

ID = "digits28"
SHAPE = (28, 28, 1)
TRAINING = 1200
"""Images to train on; the other 597 are attacked."""
EPOCHS = 8


class Digits(NamedTuple):
    """A classifier, images float32 (N, 28, 28, 1) that it was not trained on, labels int64 (N,)."""

    classifier: KerasClassifier
    images: np.ndarray
    labels: np.ndarray


def digits28(limit: int) -> Digits:
    """Train the net; at most `limit` images come with it."""
    given = load_digits()
    small = (given.images[..., None] / 16).astype(np.float32)
    large = keras.ops.image.resize(small, SHAPE[:2], interpolation="bilinear")
    images, labels = np.array(large).clip(0, 1), given.target.astype(np.int64)
    keras.utils.set_random_seed(0)
    net = _net()
    net.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    net.fit(images[:TRAINING], labels[:TRAINING], epochs=EPOCHS, batch_size=64, verbose=0)
    contract = Contract(*SHAPE, LabelScheme("digits", tuple(str(digit) for digit in range(10))))
    rest = slice(TRAINING, TRAINING + limit)
    return Digits(wrap(net, contract, model_id=ID), images[rest], labels[rest])


def _net() -> keras.Model:
    """Two convolutions and a dense layer, logits (N, 10)."""
    pixels = keras.Input(SHAPE)
    x = layers.MaxPooling2D(2)(layers.Conv2D(16, 3, activation="relu")(pixels))
    x = layers.MaxPooling2D(2)(layers.Conv2D(32, 3, activation="relu")(x))
    return keras.Model(pixels, layers.Dense(10)(layers.Flatten()(x)))
