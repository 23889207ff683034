"""How far explanations move: the cosine by hand, and which models have maps."""

import keras
import numpy as np
import pytest

from datasets.labels import LabelScheme
from evaluation.stages.explanation_shift import explain, map_shifts
from fer_models.classifier import Classifier
from fer_models.contract import Contract
from fer_models.keras_classifier import KerasClassifier, wrap

TWO = LabelScheme("sides", ("left", "right"))


def test_shift_is_one_minus_the_cosine() -> None:
    here, there, both = [[1.0, 0.0]], [[0.0, 1.0]], [[1.0, 1.0]]
    clean = np.array([here, here, here, here, [[0.0, 0.0]]], np.float32)
    attacked = np.array([here, there, both, [[0.5, 0.0]], here], np.float32)
    shifts = map_shifts(clean, attacked)
    # (1 1) and (1 0) meet at a cosine of 1 / sqrt(2)
    np.testing.assert_allclose(shifts[:4], [0, 1, 1 - np.sqrt(0.5), 0], atol=5e-5)
    assert np.isnan(shifts[4])


def net(*layers: keras.layers.Layer) -> KerasClassifier:
    outputs = inputs = keras.Input((12, 12, 1))
    for layer in layers:
        outputs = layer(outputs)
    return wrap(keras.Model(inputs, outputs), Contract(12, 12, 1, TWO), model_id="sides")


def test_a_net_that_follows_the_brighter_side_looks_there() -> None:
    dense = keras.layers.Dense(2, use_bias=False)
    convolution = keras.layers.Conv2D(1, 1, use_bias=False)
    classifier = net(convolution, keras.layers.Flatten(), dense)
    convolution.set_weights([np.ones((1, 1, 1, 1), np.float32)])
    sides = np.zeros((12, 12, 2), np.float32)
    sides[:, :6, 0] = sides[:, 6:, 1] = 1
    dense.set_weights([sides.reshape(144, 2)])
    left = np.zeros((1, 12, 12, 1), np.float32)
    left[:, :, :6] = 1
    clean = np.repeat(left, 130, axis=0)
    clean[120] = left[0, ::, ::-1]
    shown = np.array([120, 5, 99])
    maps = explain(classifier, clean, np.repeat(left[:, :, ::-1], 130, 0), shown)
    assert maps is not None and maps.clean.shape == maps.attacked.shape == (3, 12, 12)
    # the one map is the image itself, scaled by its mean weight 1/2
    np.testing.assert_allclose(maps.clean, clean[shown, ..., 0], atol=1e-6)
    np.testing.assert_array_equal(maps.shifts, np.arange(130) != 120)
    empty = explain(classifier, left[:0], left[:0])
    assert empty is not None and empty.shifts.shape == (0,)


class Silent(Classifier):
    id, scheme, weights_sha256 = "silent", TWO, "0" * 64

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return np.zeros((len(images), 2), np.float32)


@pytest.mark.parametrize(
    "classifier", [Silent(), net(keras.layers.Flatten(), keras.layers.Dense(2))]
)
def test_models_without_maps_are_not_explained(classifier: Classifier) -> None:
    images = np.zeros((1, 12, 12, 1), np.float32)
    assert explain(classifier, images, images) is None
