"""The contract between callers and any classifier."""

import re
from typing import Any

import keras
import numpy as np
import pytest

from datasets.labels import FER7, FERPLUS8, LabelScheme
from fer_models.classifier import BATCH_SIZE, Classifier, ModelError
from fer_models.contract import Contract, Output
from fer_models.keras_classifier import wrap
from fer_models.losses import Loss
from tests.fer_models.conftest import tiny_classifier, tiny_model


@pytest.mark.parametrize("count", [1, 7, 64, BATCH_SIZE + 3])
def test_a_rows_logits_do_not_hang_on_its_batch(count: int) -> None:
    images = np.random.default_rng(1).random((count, 8, 8, 1), np.float32)
    classifier = tiny_classifier()
    together = classifier.logits(images)
    alone = np.concatenate([classifier.logits(image[None]) for image in images[:3]])
    assert together.shape == (count, 7)
    assert together.dtype == np.float32
    np.testing.assert_allclose(together[:3], alone, atol=1e-4)


def test_no_images_give_no_logits() -> None:
    assert tiny_classifier().logits(np.empty((0, 8, 8, 1), np.float32)).shape == (0, 7)


def test_predict_is_the_largest_logit(images: np.ndarray) -> None:
    classifier = tiny_classifier()
    np.testing.assert_array_equal(
        classifier.predict(images), classifier.logits(images).argmax(axis=1)
    )


def test_contract_scales_to_the_models_range(images: np.ndarray) -> None:
    model = tiny_model()
    contract = Contract(8, 8, 1, FER7, low=-1.0, high=1.0)
    expected = np.asarray(model(images * 2 - 1))
    found = wrap(model, contract, model_id="signed").logits(images)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_contract_takes_mean_and_std_of_each_channel(images: np.ndarray) -> None:
    model, mean, std = tiny_model((8, 8, 3)), (0.4, 0.5, 0.6), (0.2, 0.25, 0.5)
    found = wrap(model, Contract(8, 8, 3, FER7, mean=mean, std=std)).logits(images)
    expected = np.asarray(model((np.repeat(images, 3, axis=3) - mean) / std))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_contract_resizes_and_makes_grey() -> None:
    colour = np.random.default_rng(0).random((3, 16, 12, 3), np.float32)
    assert tiny_classifier().logits(colour).shape == (3, 7)


def test_grey_images_reach_a_colour_model(images: np.ndarray) -> None:
    model = tiny_model((8, 8, 3))
    found = wrap(model, Contract(8, 8, 3, FER7), model_id="rgb").logits(images)
    np.testing.assert_allclose(found, np.asarray(model(np.repeat(images, 3, axis=3))), atol=1e-5)


def test_probabilities_become_logits(images: np.ndarray) -> None:
    model = tiny_model()
    shares = keras.layers.Softmax()(model.outputs[0])
    twice = keras.Model(model.inputs, keras.layers.Identity()(shares))  # no softmax stands last
    contract = Contract(8, 8, 1, FER7, output=Output.PROBABILITIES)
    found = wrap(twice, contract, model_id="softmax").logits(images)
    logits = np.asarray(model(images))
    expected = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_softmax_that_stands_last_is_left_out(images: np.ndarray) -> None:
    model = tiny_model()
    model.layers[-1].activation = keras.activations.softmax
    model.layers[-1].kernel.assign(100 * model.layers[-1].kernel)  # sure: its gradient vanishes
    sure = np.asarray(model(images))
    contract = Contract(8, 8, 1, FER7, output=Output.PROBABILITIES)
    classifier = wrap(model, contract)
    model.layers[-1].activation = keras.activations.linear
    np.testing.assert_allclose(classifier.logits(images), np.asarray(model(images)), rtol=1e-5)
    assert classifier.weights_sha256 == wrap(model, Contract(8, 8, 1, FER7)).weights_sha256
    gradient = classifier.input_gradients(images, sure.argmax(axis=1), Loss.MARGIN).gradient
    assert (np.abs(gradient).max(axis=(1, 2, 3)) > 1).all(), "as through a log of zeros: none"


class Answering(Classifier):
    """Answers what it is told to."""

    id, scheme, weights_sha256 = "answering", FER7, "0"

    def __init__(self, answer: np.ndarray) -> None:
        self._answer = answer

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return self._answer


@pytest.mark.parametrize("shape", [(1, 7), (12, 1), (7,), (12, 8), (1, 1)])
def test_an_answer_that_has_no_row_an_image_is_refused(
    shape: tuple[int, ...], images: np.ndarray
) -> None:
    words = re.escape(f"must answer (12, 7) to 12 images; it answered {shape}")
    with pytest.raises(ModelError, match=words):
        Answering(np.zeros(shape, np.float32)).logits(images)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (np.zeros((2, 8, 8, 1)), "float32"),
        (np.zeros((2, 8, 8), np.float32), "shape"),
        (np.zeros((2, 8, 8, 2), np.float32), "C = 1 or 3"),
        (np.full((2, 8, 8, 1), 255, np.float32), "divide by 255"),
        (np.full((2, 8, 8, 1), -0.1, np.float32), r"\[0, 1\]"),
        (np.full((2, 8, 8, 1), np.nan, np.float32), "finite"),
    ],
)
def test_wrong_images_are_refused(bad: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        tiny_classifier().logits(bad)


def test_a_contract_of_other_classes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"names 8 classes.*\(None, 7\)"):
        wrap(tiny_model(), Contract(8, 8, 1, FERPLUS8), model_id="wrong")


def test_nan_logits_are_an_error(images: np.ndarray) -> None:
    model = tiny_model()
    model.layers[-1].bias.assign(np.full(7, np.nan))
    with pytest.raises(ModelError, match="NaN"):
        wrap(model, Contract(8, 8, 1, FER7), model_id="nan").logits(images)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"height": 0}, "positive size"),
        ({"channels": 2}, "1 or 3 channels"),
        ({"low": 1.0}, "must differ"),
        ({"mean": (0.1, 0.2)}, "one per channel"),
        ({"std": (0.0,)}, "above 0"),
    ],
)
def test_impossible_contracts_are_refused(change: dict[str, Any], words: str) -> None:
    values: dict[str, Any] = {"height": 8, "width": 8, "channels": 1, "scheme": FER7, **change}
    with pytest.raises(ValueError, match=words):
        Contract(**values)


def test_two_classes_are_enough(images: np.ndarray) -> None:
    assert tiny_classifier(2).logits(images).shape == (12, 2)
    with pytest.raises(ValueError, match="at least two"):
        LabelScheme("one", ("a",))


def test_a_wrapped_model_is_another_when_it_is_read_otherwise() -> None:
    """Or sets of attacked images made for one scaling would be taken for another's."""
    model = tiny_model()
    contracts = (Contract(8, 8, 1, FER7), Contract(8, 8, 1, FER7, low=-1.0))
    first, second = (wrap(model, contract).weights_sha256 for contract in contracts)
    assert first != second
    assert wrap(model, contracts[0]).weights_sha256 == first
    smoothed = keras.Sequential([model, keras.layers.Softmax()])
    assert wrap(smoothed, contracts[0]).weights_sha256 != first
