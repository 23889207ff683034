"""Twins in bfloat16: their answers, what is folded, and when there is none."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from datasets.labels import FER7
from fer_models import reduced_precision
from fer_models.classifier import BATCH_SIZE, Classifier
from fer_models.contract import Contract, Output
from fer_models.identity import reduced_sha256
from fer_models.keras_classifier import wrap
from fer_models.losses import Loss
from fer_models.reduced_precision import (
    NoTwinError,
    ReducedPrecision,
    has_bfloat16,
    reduce_precision,
)

CONTRACT = Contract(8, 8, 1, FER7)


@pytest.fixture(autouse=True)
def processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it had the instructions; emulated, bfloat16 rounds the same."""
    monkeypatch.setattr(reduced_precision, "has_bfloat16", lambda: True)


def normalised_net(probabilities: bool = False) -> keras.Model:
    """All that folds, one that is used twice and one behind an activation, with random averages."""
    keras.utils.set_random_seed(0)
    images = keras.Input((8, 8, 1))
    x = layers.Rescaling(4.0, offset=-2.0)(images)
    x = layers.BatchNormalization(name="first")(layers.Conv2D(8, 3, padding="same")(x))
    x = layers.BatchNormalization()(layers.DepthwiseConv2D(3, depth_multiplier=2)(x))
    x = layers.BatchNormalization(scale=False)(layers.SeparableConv2D(8, 3, use_bias=False)(x))
    twice = layers.Conv2D(8, 1)(x)
    x = layers.add([twice, layers.BatchNormalization(name="used_twice")(twice)])
    x = layers.Conv2D(8, 1, activation="relu")(x)
    x = layers.BatchNormalization(name="behind_relu")(x)
    x = layers.Dropout(0.5)(keras.ops.tanh(layers.Flatten()(x)))
    x = layers.BatchNormalization(center=False)(layers.Dense(16)(x))
    x = layers.Dense(7, activation="softmax" if probabilities else None)(layers.ReLU()(x))
    model = keras.Model(images, x)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    return model


def reduced(model: keras.Model | None = None) -> ReducedPrecision:
    return reduce_precision(wrap(model or normalised_net(), CONTRACT, model_id="net"))


def test_folding_changes_nothing(monkeypatch: pytest.MonkeyPatch, images: np.ndarray) -> None:
    monkeypatch.setattr(reduced_precision, "ROUNDED", "float32")
    classifier = reduced()
    rounded, exact = classifier.reduced_logits(images), classifier.logits(images)
    np.testing.assert_allclose(rounded, exact, atol=1e-4)
    left = [
        layer.name
        for layer in classifier._twin.model.layers
        if isinstance(layer, layers.BatchNormalization)
    ]
    assert left == ["used_twice", "behind_relu"]


@pytest.mark.parametrize("probabilities", [False, True])
def test_reduced_logits_are_the_logits_up_to_rounding(
    images: np.ndarray, probabilities: bool
) -> None:
    output = Output.PROBABILITIES if probabilities else Output.LOGITS
    contract = Contract(8, 8, 1, FER7, output=output)
    plain = wrap(normalised_net(probabilities), contract, model_id="net")
    classifier = reduce_precision(plain)
    assert classifier is not None
    exact, rounded = plain.logits(images), classifier.reduced_logits(images)
    assert 0 < np.abs(rounded - exact).max() < 0.03 * np.abs(exact).max()
    assert classifier.logits(images).tobytes() == exact.tobytes()


def test_gradients_are_those_of_the_twin_and_point_the_same_way(images: np.ndarray) -> None:
    classifier, labels = reduced(), np.arange(12) % 7
    exact, rounded = (
        side.input_gradients(images, labels, Loss.MARGIN).gradient.reshape(12, -1)
        for side in (classifier.exact, classifier)
    )
    lengths = np.linalg.norm(exact, axis=1) * np.linalg.norm(rounded, axis=1)
    assert not np.array_equal(exact, rounded)
    assert ((exact * rounded).sum(axis=1) / lengths).min() > 0.98


def test_pixels_and_logits_stay_in_float32() -> None:
    twin = reduced()._twin.model
    kinds = [layer.compute_dtype for layer in twin.layers if isinstance(layer, layers.Layer)]
    assert kinds[:2] == ["float32"] * 2 and kinds[-1] == "float32"
    assert set(kinds[2:-1]) == {"bfloat16"}
    assert {weight.dtype for weight in twin.layers[2].weights} == {"bfloat16"}


def test_a_set_made_with_it_has_another_key() -> None:
    classifier = reduced()
    assert classifier.precision == "bfloat16" and classifier.exact.precision == "float32"
    assert classifier.weights_sha256 == reduced_sha256(classifier.exact.weights_sha256)
    assert classifier.weights_sha256 != classifier.exact.weights_sha256
    assert classifier.id == classifier.exact.id and classifier.scheme is FER7


def test_any_number_of_images(images: np.ndarray) -> None:
    many = np.concatenate([images] * 12)[: BATCH_SIZE + 5]
    assert reduced().reduced_logits(many).shape == (BATCH_SIZE + 5, 7)


def test_sequential_models_have_a_twin_too(images: np.ndarray) -> None:
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(9), layers.Dense(7)]
    )
    classifier = reduced(model)
    np.testing.assert_allclose(
        classifier.reduced_logits(images), classifier.logits(images), atol=0.02
    )


def test_a_model_inside_a_model_has_none() -> None:
    images = keras.Input((8, 8, 1))
    inner = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(9)])
    model = keras.Model(images, layers.Dense(7)(inner(images)))
    with pytest.raises(NoTwinError, match="a model inside a model"):
        reduce_precision(wrap(model, CONTRACT))


def test_wrong_logits_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing_folded_in(layer: layers.Layer, norm: layers.Layer) -> list[np.ndarray]:
        weights = [*layer.get_weights(), np.zeros(norm.moving_mean.shape)]
        return weights[: len(layer.weights) - layer.use_bias] + weights[-1:]

    monkeypatch.setattr(reduced_precision, "_fold", nothing_folded_in)
    with pytest.raises(NoTwinError, match=r"logits of its bfloat16 twin differ by \d+ %"):
        reduce_precision(wrap(normalised_net(), CONTRACT))


def test_only_keras_classifiers_have_one() -> None:
    class BlackBox(Classifier):
        id = "box"

        def _batch_logits(self, images: np.ndarray) -> np.ndarray:
            return np.zeros((len(images), 7), np.float32)

    box = BlackBox()
    with pytest.raises(NoTwinError, match="only a Keras model"):
        reduce_precision(box)
    images = np.zeros((2, 8, 8, 1), np.float32)
    box.scheme = FER7
    assert box.exact is box and not box.logits(images).any()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor: 0\nflags\t\t: fpu avx512f avx512_bf16 fma\n", True),
        ("flags\t\t: fpu amx_bf16\n", True),
        ("flags\t\t: fpu avx512f avx2\nbugs: avx512_bf16\n", False),
        (None, False),
    ],
)
def test_the_processor_says_what_it_can(
    text: str | None, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cpuinfo"
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr(reduced_precision, "CPU_INFO", path)
    monkeypatch.setattr(keras.distribution, "list_devices", lambda kind: [])
    assert has_bfloat16() is expected
    monkeypatch.setattr(keras.distribution, "list_devices", lambda kind: ["gpu:0"])
    assert not has_bfloat16()


def test_without_the_instructions_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduced_precision, "has_bfloat16", lambda: False)
    plain = wrap(normalised_net(), CONTRACT)
    with pytest.raises(NoTwinError, match="the processor has no bfloat16"):
        reduce_precision(plain)


def test_any_other_fault_of_a_twin_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(model: keras.Model) -> keras.Model:
        raise TypeError("a fault of our own\nwith details")

    monkeypatch.setattr(reduced_precision, "_twin", broken)
    words = r"cannot be built: TypeError: a fault of our own with details$"
    with pytest.raises(NoTwinError, match=words):
        reduce_precision(wrap(normalised_net(), CONTRACT))
