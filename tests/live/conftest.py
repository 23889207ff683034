"""A portrait, and a tiny classifier that answers at once."""

import keras
import numpy as np
import pytest
from skimage.data import astronaut

from datasets.base.errors import InputError
from datasets.labels import FER7, FERPLUS8, LabelScheme
from fer_models.contract import Contract
from fer_models.keras_classifier import KerasClassifier, wrap
from live.engine import Engine
from live.model_loader import Choice, ModelLoader


def tiny(scheme: LabelScheme, model_id: str) -> KerasClassifier:
    """One convolution and a dense layer with fixed random weights."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((48, 48, 1))
    x = keras.layers.Conv2D(4, 5, strides=4, activation="relu")(inputs)
    x = keras.layers.Flatten()(x)
    model = keras.Model(inputs, keras.layers.Dense(scheme.num_classes)(x))
    return wrap(model, Contract(48, 48, 1, scheme), model_id=model_id)


class TinyShelf(ModelLoader):
    """Two tiny classifiers instead of the zoo's."""

    def __init__(self) -> None:
        super().__init__(["tiny.fer", "tiny.ferplus"])
        self.add(tiny(FER7, "tiny.fer"))
        self.add(tiny(FERPLUS8, "tiny.ferplus"))

    @property
    def choices(self) -> list[Choice]:
        schemes = (FER7, FERPLUS8)
        return [Choice(m, s.name, s.classes) for m, s in zip(self.ids, schemes)]


class Repairable(TinyShelf):
    """The tiny classifiers, and `mine.fer`, whose file is damaged until it is repaired."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.ids = [*self.ids, "mine.fer"]
        self.repaired, self.tries = False, 0
        monkeypatch.setattr("live.model_loader._load", self._open)

    def _open(self, model: str) -> KerasClassifier:
        self.tries += 1
        if not self.repaired:
            raise InputError(f"{model}: the file is damaged. Save it again.")
        return tiny(FER7, model)


@pytest.fixture
def repairable(monkeypatch) -> Repairable:
    return Repairable(monkeypatch)


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """Uint8 RGB (256, 256, 3) with one face."""
    image: np.ndarray = astronaut()[:256, 96:352]
    return np.ascontiguousarray(image)


@pytest.fixture(scope="session")
def models() -> ModelLoader:
    return TinyShelf()


@pytest.fixture
def new_shelf() -> ModelLoader:
    """One that has precomputed no attack yet."""
    return TinyShelf()


@pytest.fixture(scope="session")
def engine(models) -> Engine:
    return Engine(models)
