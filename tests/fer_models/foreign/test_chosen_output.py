"""Multi-task nets: which output and which columns are the emotions, and what is refused."""

import hashlib
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from scipy.special import softmax

from datasets.base.errors import InputError
from fer_models.contract import Output, Resampling
from fer_models.foreign.chosen_output import emotions_of
from fer_models.foreign.classifier import classify_with, load_foreign
from fer_models.foreign.contract_file import (
    ContractFile,
    PartialContract,
    identity,
    read_contract,
    write_contract,
)
from fer_models.foreign.contract_probe import probe
from fer_models.foreign.formats import open_model
from fer_models.foreign.raw_model import RawModel
from fer_models.keras_classifier import KerasClassifier
from fer_models.losses import Loss
from tests.fer_models.conftest import tiny_model
from tests.fer_models.foreign.small_nets import ALPHABETICAL, CONTRACT, outside

FER_ORDER = [0, 1, 2, 3, 5, 6, 4]
HEAD = CONTRACT.model_copy(update={"output_name": "emotions"})
COLUMNS = CONTRACT.model_copy(
    update={"output_index": 1, "columns": tuple(range(2, 9)), "output": Output.LOGITS}
)


@pytest.fixture
def multi_task(tmp_path: Path) -> Path:
    """A net with valence, the emotions with a softmax, and nine columns: two, then the emotions."""
    model = tiny_model()
    logits = keras.ops.take(model.output, list(range(7)), axis=-1)  # its steps have names too
    valence = keras.layers.Dense(2, name="valence")(logits)
    emotions = keras.layers.Softmax(name="emotions")(logits)
    wide = keras.layers.Concatenate(name="wide")([valence, logits])
    path = tmp_path / "multi.keras"
    keras.Model(model.input, [valence, wide, emotions]).save(path)
    return path


@pytest.mark.parametrize("file", [HEAD, COLUMNS])
def test_the_named_output_and_columns_are_the_logits(
    multi_task: Path, images: np.ndarray, file: ContractFile
) -> None:
    classifier = classify_with(open_model(str(multi_task)), file)
    assert isinstance(classifier, KerasClassifier), "white-box"
    expected = np.asarray(tiny_model()(images * 2 - 1))[:, FER_ORDER]
    np.testing.assert_allclose(classifier.logits(images), expected, atol=1e-4)
    labels = np.arange(len(images)) % 7
    alone = classify_with(_alone(), CONTRACT)
    assert isinstance(alone, KerasClassifier)
    for loss in (Loss.CROSS_ENTROPY, Loss.MARGIN):
        found = classifier.input_gradients(images, labels, loss).gradient
        wanted = alone.input_gradients(images, labels, loss).gradient
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def _alone() -> RawModel:
    model = tiny_model()
    call = lambda images: np.asarray(model(images))  # noqa: E731
    return RawModel("alone", call, (8, 8, 1), model, "0", softmax_removed=True)


def dictionary(images: np.ndarray) -> dict[str, np.ndarray]:
    return {"age": images.mean(axis=(1, 2)), "emotions": outside(images)}


def pair(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return images.mean(axis=(1, 2)), np.hstack([np.zeros((len(images), 2)), outside(images)])


def test_code_with_several_outputs(images: np.ndarray) -> None:
    whole = outside(images * 2 - 1)[:, FER_ORDER]
    wide = COLUMNS.model_copy(update={"output": Output.PROBABILITIES})
    for name, file in (("dictionary", HEAD), ("pair", wide)):
        classifier = load_foreign(f"{__name__}:{name}", file)
        np.testing.assert_allclose(np.exp(classifier.logits(images)), whole, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, 'it has 3 outputs, valence, wide, emotions; .*write "output_name"'),
        ({"output_name": "mood"}, "no output_name 'mood'; its outputs are 0 valence, 1 wide, 2 e"),
        ({"output_index": 3}, "no output_index 3; its outputs are 0 valence, 1 wide, 2 emotions"),
        (
            {"output_index": 1, "columns": (3, 4, 5, 6, 7, 8, 9)},
            "has the columns 0 to 8; its contract names column 9",
        ),
    ],
)
def test_a_wrong_output_or_column_is_one_line(
    multi_task: Path, changes: dict[str, object], message: str
) -> None:
    file = CONTRACT.model_copy(update=changes)
    with pytest.raises(InputError, match=message) as caught:
        classify_with(open_model(str(multi_task)), file)
    assert "\n" not in str(caught.value)


def test_outputs_of_one_name_are_told_by_their_place(tmp_path: Path, images: np.ndarray) -> None:
    """Keras calls all outputs of a model inside another by the name of that model."""
    model, pixels = tiny_model(), keras.Input((8, 8, 1))
    heads = [keras.layers.Dense(7, activation="softmax")(model.output) for _ in range(2)]
    whole = keras.Model(pixels, keras.Model(model.input, heads, name="net")(pixels))
    whole.save(tmp_path / "heads.keras")
    raw = open_model(str(tmp_path / "heads.keras"))
    with pytest.raises(InputError, match=r"several output_name 'net'; .* Write \"output_index\""):
        classify_with(raw, CONTRACT.model_copy(update={"output_name": "net"}))
    for place in (0, 1):
        classifier = classify_with(raw, CONTRACT.model_copy(update={"output_index": place}))
        expected = np.asarray(whole(images * 2 - 1)[place])[:, FER_ORDER]
        np.testing.assert_allclose(softmax(classifier.logits(images), axis=1), expected, atol=1e-5)


@pytest.mark.parametrize("number", ["float32", "int32"])
def test_outputs_of_a_dictionary_have_its_keys(
    tmp_path: Path, images: np.ndarray, number: str, recwarn: pytest.WarningsRecorder
) -> None:
    model, pixels = tiny_model(), keras.Input((8, 8, 1), name="face", dtype=number)
    logits = model(keras.ops.cast(pixels, "float32") / 127.5 - 1)
    heads = {"valence": keras.layers.Dense(2)(logits), "emotions": logits}
    keras.Model({"face": pixels}, heads).save(tmp_path / "heads.keras")
    raw = open_model(str(tmp_path / "heads.keras"))
    assert raw.outputs == ("emotions", "valence")
    whole = np.round(images * 255).astype(np.float32)
    file = CONTRACT.model_copy(
        update={"output_name": "emotions", "low": 0, "high": 255, "output": Output.LOGITS}
    )
    found = classify_with(raw, file).logits(whole / np.float32(255))
    expected = np.asarray(model(whole / 127.5 - 1))[:, FER_ORDER]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert not [each for each in recwarn if "structure" in str(each.message)]


@pytest.mark.parametrize(
    ("function", "changes", "message"),
    [
        ("dictionary", {}, "it has 2 outputs, age, emotions; its contract must name the emotions"),
        ("dictionary", {"output_name": "mood"}, "'mood'; its outputs are 0 age, 1 emotions"),
        ("pair", {"output_index": 2}, "no output_index 2; its outputs are 0 output_0, 1 output_1"),
        (
            "pair",
            {"output_index": 1, "columns": (3, 4, 5, 6, 7, 8, 9)},
            "has the columns 0 to 8; its contract names column 9",
        ),
    ],
)
def test_a_wrong_output_of_code_is_one_line(
    function: str, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load_foreign(f"{__name__}:{function}", CONTRACT.model_copy(update=changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": [0, 1, 2, 3, 4, 5]}, "one column per class, each once; got 6 columns"),
        ({"columns": [0, 1, 2, 3, 4, 5, 5]}, "one column per class, each once; got 7 columns"),
        ({"columns": [-1, 1, 2, 3, 4, 5, 6]}, "columns.*greater than or equal to 0"),
        ({"output_name": "a", "output_index": 1}, "`output_name` or `output_index`, not both"),
        ({"crop_from": [9, 9], "crop_share": 0.9}, "`crop_from` or `crop_share`, not both"),
        ({"crop_from": [7, 9]}, "resized before the crop, so to at least its size"),
        ({"crop_share": 1.5}, "crop_share.*less than or equal to 1"),
        ({"resampling": "cubic"}, "resampling.*'nearest', 'bilinear'"),
    ],
)
def test_impossible_fields_are_one_line(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    text = json.dumps(json.loads(CONTRACT.model_dump_json()) | changes)
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_contract(tmp_path / "c.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"resampling": Resampling.AREA},
        {"crop_from": (10, 10)},
        {"crop_share": 0.5},
        {"keep_aspect": True},
        {"eight_bit_resize": True},
        {"output_name": "emotions"},
        {"output_index": 0},
        {"columns": (6, 5, 4, 3, 2, 1, 0)},
    ],
)
def test_every_field_is_part_of_the_identity(tmp_path: Path, changes: dict[str, object]) -> None:
    changed = CONTRACT.model_copy(update=changes)
    assert identity("0", changed) != identity("0", CONTRACT)
    write_contract(changed, tmp_path / "c.json")
    assert read_contract(tmp_path / "c.json") == changed


def test_contracts_of_older_versions_keep_their_identity() -> None:
    """Cached attacks and runs of models with such a contract are used further."""
    before = (
        '{"classes":["angry","disgust","fear","happy","neutral","sad","surprise"],"height":8,'
        '"width":8,"channels":1,"low":-1.0,"high":1.0,"mean":[0.0],"std":[1.0],'
        '"output":"probabilities","steps":[]}'
    )
    assert identity("0", CONTRACT) == hashlib.sha256(f"0 {before}".encode()).hexdigest()


def test_the_crop_as_share_and_in_pixels() -> None:
    share = CONTRACT.model_copy(update={"height": 224, "width": 224, "crop_share": 0.875})
    pixels = share.model_copy(update={"crop_share": None, "crop_from": (256, 256)})
    assert share.contract() == pixels.contract()
    assert share.contract()[0].resized == (256, 256)


def test_the_probe_keeps_outputs_and_resizing(multi_task: Path) -> None:
    known = PartialContract(
        output_name="wide", columns=(2, 3, 4, 5, 6, 7, 8), resampling=Resampling.AREA,
        crop_share=0.5, classes=ALPHABETICAL,
    )  # fmt: skip
    raw = emotions_of(open_model(str(multi_task)), known)
    rng = np.random.default_rng(0)
    images = rng.random((420, 16, 16, 1)).astype(np.float32)
    file = CONTRACT.model_copy(update={**known.kept, "output": Output.LOGITS})
    labels = classify_with(open_model(str(multi_task)), file).predict(images)
    found = probe(raw, images, labels, CONTRACT.contract()[0].scheme, known).file
    assert (found.low, found.high) == (-1, 1)
    kept = PartialContract.model_validate(found.model_dump()).kept
    assert kept == {**known.kept, "keep_aspect": False, "eight_bit_resize": False}
    again = classify_with(open_model(str(multi_task)), found)
    assert (again.predict(images) == labels).all()
