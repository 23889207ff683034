"""A small net with a softmax, its contract, and the same net as code."""

import keras
import numpy as np

from fer_models.contract import Output
from fer_models.foreign.contract_file import ContractFile
from tests.fer_models.conftest import tiny_model

ALPHABETICAL = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
CONTRACT = ContractFile(
    classes=ALPHABETICAL, height=8, width=8, channels=1, low=-1, high=1, output=Output.PROBABILITIES
)
OUTSIDE = f"{__name__}:outside"
"""The net as code."""


def softmax_model() -> keras.Model:
    """The tiny net with a softmax."""
    model = tiny_model()
    return keras.Model(model.input, keras.layers.Softmax()(model.output))


def outside(images: np.ndarray) -> np.ndarray:
    """A callable that `module:callable` finds: signed pixels in, probabilities out."""
    return np.asarray(softmax_model()(images))
