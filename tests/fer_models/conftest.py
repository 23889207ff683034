"""Small classifiers for the tests of this room."""

from typing import Any

import keras
import numpy as np
import pytest

from datasets.labels import FER7, LabelScheme
from fer_models.contract import Contract
from fer_models.keras_classifier import KerasClassifier, wrap


def tiny_model(shape: tuple[int, int, int] = (8, 8, 1), num_classes: int = 7) -> keras.Model:
    """A smooth two-layer net with fixed weights."""
    keras.utils.set_random_seed(0)
    images = keras.Input(shape)
    x = keras.layers.Conv2D(4, 3, activation="tanh")(images)
    return keras.Model(images, keras.layers.Dense(num_classes)(keras.layers.Flatten()(x)))


def tiny_classifier(num_classes: int = 7, **contract: Any) -> KerasClassifier:
    """The tiny model behind an 8x8 grey contract."""
    names = tuple(f"c{i}" for i in range(num_classes))
    scheme = FER7 if num_classes == 7 else LabelScheme("other", names)
    return wrap(
        tiny_model(num_classes=num_classes), Contract(8, 8, 1, scheme, **contract), model_id="tiny"
    )


@pytest.fixture
def images() -> np.ndarray:
    """float32 (12, 8, 8, 1) in [0, 1]."""
    return np.random.default_rng(0).random((12, 8, 8, 1), np.float32)
