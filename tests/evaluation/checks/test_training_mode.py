"""A graph that asks for training mode itself is measured without it, and that is said."""

from pathlib import Path

import keras
import numpy as np
import pytest

from datasets.labels import FER7, LabelSet
from evaluation.checks.training_mode import training_mode_checks
from evaluation.listener import Listener
from evaluation.results.files import read_table
from evaluation.results.schema import CHECK_COLUMNS
from evaluation.stages.pipeline import evaluate_run
from fer_models.classifier import Classifier
from fer_models.contract import Contract
from fer_models.defences.base import defend
from fer_models.defences.registry import parse_defence
from fer_models.keras_classifier import KerasClassifier, wrap
from tests.evaluation import tiny

IMAGES = tiny.faces().images.astype(np.float32) / 255


def net(layer: keras.layers.Layer, training: bool | None, name: str = "odd") -> KerasClassifier:
    """The tiny net behind a layer that is called in this mode."""
    inputs = keras.Input((8, 8, 1))
    outputs = tiny.classifier().model(layer(inputs, training=training))
    return wrap(keras.Model(inputs, outputs), Contract(8, 8, 1, FER7), model_id=name)


@pytest.mark.parametrize(
    "layer",
    [keras.layers.Dropout(0.3), keras.layers.GaussianNoise(0.3), keras.layers.BatchNormalization()],
)
def test_layers_in_training_mode_are_flagged(layer: keras.layers.Layer) -> None:
    model = net(layer, True)
    before = model.logits(IMAGES)
    (found,) = training_mode_checks(model, IMAGES)
    np.testing.assert_array_equal(model.logits(IMAGES), before)  # no running mean was moved
    assert (found["rule"], found["status"]) == ("R11", "flagged")
    assert "measured in inference mode" in found["message"]


@pytest.mark.parametrize(
    "classifier",
    [
        net(keras.layers.Dropout(0.3), None),
        net(keras.layers.BatchNormalization(), None),
        tiny.classifier(),
        defend(tiny.classifier(), parse_defence("bits3"), "bits3"),
    ],
)
def test_ordinary_nets_pass(classifier: Classifier) -> None:
    (found,) = training_mode_checks(classifier, IMAGES)
    assert found["status"] == "ok"


def test_a_net_that_is_random_in_either_mode_is_not_compared() -> None:
    """Its two answers differ, whatever mode it is in."""

    class Random(keras.layers.Layer):
        def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
            return images + keras.random.normal(keras.ops.shape(images))

    inputs = keras.Input((8, 8, 1))
    random = keras.Model(inputs, tiny.classifier().model(Random()(inputs)))
    assert not training_mode_checks(wrap(random, Contract(8, 8, 1, FER7)), IMAGES)


def resized(training: bool | None, inside: bool) -> KerasClassifier:
    """Dropout and batch normalisation behind a resizing, outside or inside a nested model."""
    steps = keras.layers.Rescaling(2.0, -1.0), keras.layers.Resizing(6, 6)
    inputs = hidden = keras.Input((8, 8, 1))
    if not inside:
        hidden = steps[1](steps[0](hidden))
    images = maps = keras.Input(hidden.shape[1:])
    if inside:
        maps = steps[1](steps[0](maps))
    maps = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(maps))
    maps = keras.layers.Dropout(0.3)(keras.layers.Flatten()(maps), training=training)
    model = keras.Model(images, keras.layers.Dense(7)(maps))
    return wrap(keras.Model(inputs, model(hidden)), Contract(8, 8, 1, FER7), model_id="resized")


@pytest.mark.parametrize("reloaded", [False, True])
@pytest.mark.parametrize("inside", [False, True])
def test_a_resizing_layer_puts_no_net_into_training_mode(
    inside: bool, reloaded: bool, tmp_path: Path
) -> None:
    """Keras does so in `model(x)`, while `model.predict(x)` is in inference mode."""
    keras.utils.set_random_seed(0)
    for training, status in ((None, "ok"), (True, "flagged")):
        classifier = resized(training, inside)
        if reloaded:
            classifier.model.save(tmp_path / "net.keras")
            model = keras.models.load_model(tmp_path / "net.keras", compile=False)
            classifier = wrap(model, classifier.contract, model_id="resized")
        (found,) = training_mode_checks(classifier, IMAGES)
        assert found["status"] == status
        if training is None:
            predicted = classifier.model.predict(IMAGES, verbose=0)
            np.testing.assert_allclose(predicted, classifier.logits(IMAGES), atol=1e-5)
            assert np.abs(np.asarray(classifier.model(IMAGES)) - predicted).max() > 0.01


def test_a_defence_does_not_hide_it() -> None:
    inner = net(keras.layers.Dropout(0.3), True)
    (found,) = training_mode_checks(defend(inner, parse_defence("bits3"), "bits3"), IMAGES)
    assert found["status"] == "flagged"


def test_a_run_says_so_before_it_attacks(tmp_path: Path) -> None:
    told: list[str] = []
    listener = Listener(line=told.append, chunk=lambda *_: None)
    run = tiny.config(corruptions=(), labels=(LabelSet.FER,))
    models = [tiny.classifier(), net(keras.layers.Dropout(0.3), True)]
    evaluate_run(run, tiny.faces(), models, tmp_path, None, listener)
    (place,) = [i for i, line in enumerate(told) if "measured in inference mode" in line]
    assert told[place].startswith("odd: ")
    assert place < min(i for i, line in enumerate(told) if "fgsm" in line)
    checks = read_table(tmp_path / "checks.parquet", CHECK_COLUMNS)
    mode = checks[checks.check == "inference mode"].set_index("model").status
    assert dict(mode) == {"tiny.fer": "ok", "odd": "flagged"}
    results = tiny.results_of(tmp_path)
    assert set(results[results.model == "odd"].status) == {"flagged"}
