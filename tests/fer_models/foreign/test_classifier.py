"""Foreign models behind their contract: what they return, and what does not fit."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from scipy.special import softmax

from datasets.base.errors import InputError
from datasets.labels import FER7
from fer_models import zoo
from fer_models.classifier import ModelError
from fer_models.contract import Output
from fer_models.foreign.classifier import BlackBoxClassifier, classify_with, load_foreign
from fer_models.foreign.contract_file import (
    ContractFile,
    read_contract,
    write_contract,
)
from fer_models.foreign.contract_probe import probe
from fer_models.foreign.formats import open_model
from fer_models.foreign.keras_net import keras_net
from fer_models.foreign.names import is_foreign
from fer_models.foreign.raw_model import RawModel
from fer_models.keras_classifier import KerasClassifier
from tests.fer_models.conftest import tiny_model
from tests.fer_models.foreign.small_nets import CONTRACT, OUTSIDE


def test_a_keras_file_reads_as_its_contract_says(saved: Path, images: np.ndarray) -> None:
    classifier = load_foreign(str(saved))
    assert isinstance(classifier, KerasClassifier)
    assert classifier.scheme == FER7
    raw = np.asarray(tiny_model()(images * 2 - 1))
    # FER order from alphabetical: angry disgust fear happy sad surprise neutral
    np.testing.assert_allclose(classifier.logits(images), raw[:, [0, 1, 2, 3, 5, 6, 4]], atol=1e-4)
    assert zoo.load(str(saved)).id == saved.stem
    assert zoo.load(f"{saved}+bits2").id == f"{saved.stem}+bits2"
    assert zoo.resolve(str(saved)) == [str(saved)]


def test_a_model_is_described_without_loading_it(saved: Path, images: np.ndarray) -> None:
    known = zoo.describe(f"{saved}+bits2")
    assert (known.architecture, known.label_set, known.card) == ("foreign", "fer", None)
    assert known.weights_sha256 == zoo.load(str(saved)).weights_sha256
    file = CONTRACT.model_copy(update={"low": 0.0})
    write_contract(file, saved.with_name("net.keras.contract.json"))
    assert zoo.describe(str(saved)).weights_sha256 != known.weights_sha256, "read another way"
    assert zoo.load(f"{saved}+bits2").logits(images).shape == (len(images), 7)


def test_code_is_a_black_box(tmp_path: Path, images: np.ndarray, saved: Path) -> None:
    write_contract(CONTRACT, tmp_path / "c.json")
    name = OUTSIDE
    assert is_foreign(name)
    classifier = load_foreign(name, read_contract(tmp_path / "c.json"))
    assert not isinstance(classifier, KerasClassifier)
    whole = load_foreign(str(saved)).logits(images)
    expected = whole - np.log(np.exp(whole).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(classifier.logits(images), expected, atol=1e-4)


def test_a_contract_with_nine_classes_is_refused(saved: Path) -> None:
    path = saved.with_name("net.keras.contract.json")
    data = json.loads(path.read_text()) | {"classes": list("abcdefghi")}
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"names 9 classes, so outputs must be \(N, 9\)"):
        load_foreign(str(saved))


def test_a_contract_of_another_size_is_refused(saved: Path) -> None:
    file = CONTRACT.model_copy(update={"height": 9})
    with pytest.raises(InputError, match=r"takes images of \(8, 8, 1\); its contract says \(9"):
        classify_with(open_model(str(saved)), file)


def test_what_a_contract_says_of_outputs_is_checked(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = OUTSIDE
    load_foreign(name, CONTRACT)
    assert not capsys.readouterr().err
    load_foreign(name, CONTRACT.model_copy(update={"output": Output.LOGITS}))
    assert "outside: its contract says logits, but the outputs for two" in capsys.readouterr().err
    load_foreign(str(saved), CONTRACT.model_copy(update={"output": Output.LOGITS}))
    assert not capsys.readouterr().err, "its softmax is removed"
    tiny_model().save(saved)
    with pytest.raises(InputError, match=r"says probabilities, which must .* sums -?[0-9.]+ and"):
        load_foreign(str(saved), CONTRACT)


def test_outputs_of_a_sigmoid_are_neither_probabilities_nor_logits(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rng, step = np.random.default_rng(0), r"log\(p / \(1 - p\)\) of its outputs p"
    raw = RawModel("net", lambda images: rng.random((len(images), 7)), (8, 8, 1), None, "0")
    with pytest.raises(InputError, match=rf"sums [0-9.]+ and .*{step}, and write logits"):
        classify_with(raw, CONTRACT)
    classify_with(raw, CONTRACT.model_copy(update={"output": Output.LOGITS}))
    told = capsys.readouterr().err
    assert "for two images lie between 0 and 1: if they are those of a sigmoid" in told
    percent = replace(raw, call=lambda images: 100 * raw.call(images))
    with pytest.raises(InputError, match=r"mean logits\? Of percentages p of a sigmoid, return"):
        classify_with(percent, CONTRACT)


@pytest.mark.parametrize(("low", "high"), [(1, -1), (-1, 1)])
def test_a_contract_of_negatives_is_told_once(
    low: float, high: float, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = RawModel("net", lambda images: np.zeros((len(images), 7)) - 1, (48, 48, 1), None, "0")
    file = ContractFile(classes=FER7.classes, height=48, width=48, channels=1, low=low, high=high)
    classify_with(raw, file)
    told = capsys.readouterr().err
    assert told.count("its contract says low 1, the value of a black pixel, and high -1") == (
        low > high
    )
    assert told.count("\n") == (low > high)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"low": -128, "high": 127}, None),
        ({"low": -130, "high": 130}, None),  # limits that were measured cut off a little
        ({"low": 0, "high": 255}, "black is 0 and white 255, so that 50 % of the span"),
        ({"low": 1, "high": 0, "std": (1 / 255,)}, "black is 255 and white 0, so that 50 %"),
        ({"low": 0, "high": 255, "steps": ("standardise",)}, None),
    ],
)
def test_pixels_that_an_input_cuts_off_are_refused(
    fields: dict[str, Any], words: str | None
) -> None:
    raw = RawModel("net", lambda images: np.zeros((len(images), 7)) - 1, (8, 8, 1), None, "0")
    signed = replace(raw, limits=(-128.0, 127.0))
    file = ContractFile(classes=FER7.classes, height=8, width=8, channels=1, **fields)
    classify_with(raw, file)
    if words is None:
        classify_with(signed, file)
        return
    with pytest.raises(InputError, match=f"from -128 to 127 and cuts off others; .*{words}"):
        classify_with(signed, file)


@pytest.mark.parametrize(
    ("fields", "steps"),
    [
        ({"high": 255}, None),
        ({"low": -1}, 2),
        ({}, 1),
        ({"high": 255, "std": (64,)}, 3.98),
        ({"steps": ("standardise",)}, 4),
        ({"steps": ("standardise",), "high": 4}, None),
    ],
)
def test_pixels_that_an_input_rounds_to_a_few_values_are_refused(
    fields: dict[str, Any], steps: float | None
) -> None:
    raw = RawModel("net", lambda images: np.zeros((len(images), 7)) - 1, (8, 8, 1), None, "0")
    whole = replace(raw, limits=(-128.0, 255.0), step=1.0)
    file = ContractFile(classes=FER7.classes, height=8, width=8, channels=1, **fields)
    classify_with(raw, file)
    if steps is None:
        classify_with(whole, file)
        return
    with pytest.raises(InputError, match=f"takes values 1 apart, .* pixels span {steps:g},"):
        classify_with(whole, file)


def test_percentages_are_probabilities(images: np.ndarray) -> None:
    shares = np.array([0.4, 0.1, 0.2, 0.1, 0.1, 0.05, 0.05])
    raw = RawModel("net", lambda x: np.tile(100 * shares, (len(x), 1)), (8, 8, 1), None, "0")
    file = ContractFile(
        classes=FER7.classes, height=8, width=8, channels=1, output=Output.PROBABILITIES
    )
    logits = classify_with(raw, file).logits(images)
    np.testing.assert_allclose(softmax(logits, axis=1), np.tile(shares, (len(images), 1)), 1e-5)


@pytest.mark.parametrize("whole", [1, 100])
def test_some_columns_of_percentages_are_probabilities_too(
    whole: int, images: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of eight classes: what the contract's seven sum to lies between 1 and 100."""
    shares = np.array([0.3, 0.1, 0.2, 0.1, 0.1, 0.05, 0.05, 0.1])
    raw = RawModel("net", lambda x: np.tile(whole * shares, (len(x), 1)), (8, 8, 1), None, "0")
    file = ContractFile(
        classes=FER7.classes, height=8, width=8, channels=1, columns=tuple(range(7))
    )
    classify_with(raw, file)
    assert 'Write "output": "probabilities".' in capsys.readouterr().err
    file = file.model_copy(update={"output": Output.PROBABILITIES})
    logits = classify_with(raw, file).logits(images)
    expected = np.tile(shares[:7] / 0.9, (len(images), 1))
    np.testing.assert_allclose(softmax(logits, axis=1), expected, rtol=1e-5)


@pytest.mark.parametrize("sides", [(8, 8, 1), (8, 8), (64,)])
def test_a_keras_net_of_whole_numbers_is_given_them_rounded(
    sides: tuple[int, ...], images: np.ndarray
) -> None:
    """As ONNX and TFLite files; Keras alone would cut off what comes after the point."""
    pixels = keras.Input(sides, dtype="uint8")
    faces = keras.layers.Reshape((8, 8, 1))(keras.layers.Rescaling(1 / 255)(pixels))
    model = keras.Model(pixels, tiny_model()(faces))
    raw = keras_net("whole", model, "0")
    file = CONTRACT.model_copy(update={"low": 0, "high": 255, "output": Output.LOGITS})
    found = classify_with(raw, file).logits(images)
    levels = np.rint(images * 255).astype(np.uint8)
    assert (levels != (images * 255).astype(np.uint8)).any()
    expected = np.asarray(model(levels.reshape(len(images), *sides)))[:, [0, 1, 2, 3, 5, 6, 4]]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    with pytest.raises(InputError, match="takes values 1 apart, so faces must span"):
        classify_with(raw, file.model_copy(update={"high": 1}))


def test_a_keras_net_may_take_the_channels_first(images: np.ndarray) -> None:
    pixels = keras.Input((1, 8, 8))
    model = keras.Model(pixels, tiny_model()(keras.layers.Permute((2, 3, 1))(pixels)))
    raw = keras_net("first", model, "0")
    found = classify_with(raw, CONTRACT.model_copy(update={"output": Output.LOGITS}))
    expected = np.asarray(tiny_model()(images * 2 - 1))[:, [0, 1, 2, 3, 5, 6, 4]]
    np.testing.assert_allclose(found.logits(images), expected, atol=1e-5)


def test_other_numbers_per_image_than_classes_are_refused_at_any_time(images: np.ndarray) -> None:
    """As of a service, which is not asked when it is loaded: seven of eight would be taken."""
    raw = RawModel("net", lambda x: np.zeros((len(x), 8)), (8, 8, 1), None, "0")
    with pytest.raises(ModelError, match="names 7 classes; it returned 8 numbers per image"):
        BlackBoxClassifier(raw, CONTRACT).logits(images)


def test_weights_of_nan_are_refused(saved: Path) -> None:
    model = keras.models.load_model(saved)
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    model.save(saved)
    with pytest.raises(InputError, match=r"answered NaN or infinity for 1 of 1 images"):
        load_foreign(str(saved))


def contrast(images: np.ndarray) -> np.ndarray:
    """Divides by the deviation of each image: NaN for a constant one."""
    scaled = images / images.std(axis=(1, 2, 3), keepdims=True, where=images > -2)
    return np.asarray(tiny_model()(np.where(np.isfinite(scaled), images, np.nan)))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_model_that_fails_later_is_one_line(images: np.ndarray) -> None:
    file = CONTRACT.model_copy(update={"output": Output.LOGITS})
    classifier = load_foreign(f"{__name__}:contrast", file)
    assert np.isfinite(classifier.logits(images)).all()
    images[3] = 0.5
    with pytest.raises(
        ModelError,
        match=r"answered NaN or infinity for 1 of 12 images, first in row 3 .*from 0\.5 to 0\.5",
    ):
        classifier.logits(images)
    raw = replace(open_model(f"{__name__}:contrast"), shape=(8, 8, 1))
    with pytest.raises(ModelError, match=r"contrast answered NaN .* from 0\.5 to 0\.5"):
        probe(raw, images, np.arange(12) % 7, FER7)


def in_place(images: np.ndarray) -> np.ndarray:
    images -= 5
    ANSWER[: len(images)] = tiny_model()(images)
    return ANSWER[: len(images)]


ANSWER = np.zeros((200, 7), np.float32)


def test_code_may_work_in_place(images: np.ndarray) -> None:
    plain = ContractFile(classes=FER7.classes, height=8, width=8, channels=1)
    classifier = load_foreign(f"{__name__}:in_place", plain)
    before = images.copy()
    expected = np.asarray(tiny_model()(images - 5))
    np.testing.assert_allclose(classifier.logits(images), expected, atol=1e-4)
    np.testing.assert_array_equal(images, before)
    call = open_model(f"{__name__}:in_place").call
    one, two = call(images[:1]), call(images[1:2])
    assert not np.array_equal(one, two)
