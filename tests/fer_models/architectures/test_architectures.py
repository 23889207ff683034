"""Conformance suite: every registered architecture and every shipped classifier runs through it."""

import keras
import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.labels import FERPLUS8, LabelScheme
from fer_models.architectures.registry import ARCHITECTURES, architecture
from fer_models.classical.classifier import ClassicalClassifier
from fer_models.contract import Contract
from fer_models.keras_classifier import KerasClassifier, wrap
from fer_models.losses import Loss
from fer_models.recipe import MeanRecipe
from fer_models.weights import load_weights, save_weights
from fer_models.zoo import card_of, load, model_ids

IMAGES = np.random.default_rng(0).random((64, 48, 48, 1), np.float32)


@pytest.fixture(scope="module", params=list(ARCHITECTURES))
def classifier(request: pytest.FixtureRequest) -> KerasClassifier:
    build, _ = architecture(request.param)
    return wrap(build((48, 48, 1), 8), Contract(48, 48, 1, FERPLUS8), model_id=request.param)


def test_shape_dtype_and_determinism(classifier: KerasClassifier) -> None:
    logits = classifier.logits(IMAGES)
    assert logits.shape == (64, 8)
    assert logits.dtype == np.float32
    np.testing.assert_array_equal(logits, classifier.logits(IMAGES))
    for size in (1, 7):
        np.testing.assert_allclose(classifier.logits(IMAGES[:size]), logits[:size], atol=1e-4)


def test_outputs_are_logits(classifier: KerasClassifier) -> None:
    assert not np.allclose(np.abs(classifier.logits(IMAGES)).sum(axis=1), 1, atol=1e-3)


def test_gradient_agrees_with_finite_differences(classifier: KerasClassifier) -> None:
    images, labels = IMAGES[:4] * 0.5 + 0.25, np.arange(4)
    found = classifier.input_gradients(images, labels, Loss.CROSS_ENTROPY)
    assert np.abs(found.gradient).max() > 0
    norms = np.sqrt(np.square(found.gradient).sum(axis=(1, 2, 3), keepdims=True))
    direction, step = found.gradient / norms, np.float32(2e-3)
    ahead = classifier.input_gradients(images + step * direction, labels, Loss.CROSS_ENTROPY)
    behind = classifier.input_gradients(images - step * direction, labels, Loss.CROSS_ENTROPY)
    slope = (ahead.loss - behind.loss) / (2 * step)
    np.testing.assert_allclose(slope, norms.ravel(), rtol=0.1, atol=1e-3)


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_28x28_with_ten_classes(name: str) -> None:
    build, _ = architecture(name)
    scheme = LabelScheme("digits", tuple("0123456789"))
    model, images = build((28, 28, 1), 10), IMAGES[:5, :28, :28]
    classifier = wrap(model, Contract(28, 28, 1, scheme), model_id=name)
    logits = classifier.logits(images)
    assert logits.shape == (5, 10)
    # Exported, it is called without `training`: some layers of Keras then train those after them.
    np.testing.assert_allclose(np.asarray(model(images)), logits, atol=1e-4)


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_saved_and_loaded_weights_give_equal_logits(name: str, tmp_path) -> None:
    build, _ = architecture(name)
    contract = Contract(48, 48, 1, FERPLUS8)
    first, second = build((48, 48, 1), 8), build((48, 48, 1), 8)
    save_weights(first, tmp_path / "w.npz")
    load_weights(first, tmp_path / "w.npz")  # rounds to float16
    load_weights(second, tmp_path / "w.npz")
    np.testing.assert_array_equal(
        wrap(first, contract, model_id="a").logits(IMAGES[:8]),
        wrap(second, contract, model_id="b").logits(IMAGES[:8]),
    )


def test_numbers_beyond_float16_are_kept(tmp_path) -> None:
    images = keras.Input((48, 48, 1))
    x = keras.layers.BatchNormalization()(keras.layers.Flatten()(images))
    model = keras.Model(images, keras.layers.Dense(7)(x))
    norm = model.layers[-2]
    norm.moving_variance.assign(np.linspace(1, 1e6, 2304))  # float16 ends at 65504
    before = model.predict(IMAGES[:4], verbose=0)
    save_weights(model, tmp_path / "w.npz")
    norm.moving_variance.assign(np.ones(2304))
    load_weights(model, tmp_path / "w.npz")
    np.testing.assert_allclose(model.predict(IMAGES[:4], verbose=0), before, atol=1e-2)
    with np.load(tmp_path / "w.npz") as arrays:
        assert sorted(str(arrays[name].dtype) for name in arrays) == ["float16"] * 5 + ["float32"]


def test_unknown_architecture_names_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'simple_cnn'"):
        architecture("simple_cn")


def test_a_mean_of_nets_is_not_trained() -> None:
    with pytest.raises(InputError, match="mean_of_nets needs no training: it is the mean of"):
        architecture("mean_of_nets")


@pytest.mark.parametrize("model_id", model_ids())
def test_shipped_classifier_loads_as_its_card_says(model_id: str) -> None:
    card, _ = card_of(model_id)
    classifier = load(model_id)
    assert classifier.id == card.id == model_id
    assert isinstance(classifier, KerasClassifier | ClassicalClassifier)
    assert classifier.model.count_params() == card.parameters
    assert classifier.logits(IMAGES[:2]).shape == (2, classifier.scheme.num_classes)
    if not isinstance(card.recipe, MeanRecipe):
        assert card.recipe.epochs >= card.epochs >= card.best_epoch
