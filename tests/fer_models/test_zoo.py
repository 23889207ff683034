"""Cards, hashes and names: what loads, and what is refused in one line."""

from pathlib import Path

import numpy as np
import pytest

from datasets.base.errors import InputError
from fer_models import zoo
from fer_models.architectures.registry import architecture
from fer_models.cards import read_card, write_card
from fer_models.weights import load_weights
from tests.fer_models.untrained import write_untrained


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a training: weights and card of an untrained mini_xception."""
    return write_untrained(tmp_path_factory.mktemp("untrained"))


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    for name in ("weights.npz", "card.json"):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    return tmp_path


def test_a_folder_loads(trained: Path) -> None:
    assert zoo.load(str(trained)).logits(np.zeros((2, 48, 48, 1), np.float32)).shape == (2, 7)
    assert zoo.resolve(str(trained)) == [str(trained)]


def test_a_path_may_hold_a_plus_sign_before_its_defences(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "net+v2"
    folder.symlink_to(trained)
    assert zoo.split_defences(f"{folder}+bits3+jpeg75") == (str(folder), ["bits3", "jpeg75"])
    assert zoo.split_defences("a.fer+bits3+jpeg75") == ("a.fer", ["bits3", "jpeg75"])
    images = np.zeros((2, 48, 48, 1), np.float32)
    assert zoo.load(f"{folder}+bits3").logits(images).shape == (2, 7)


def test_card_round_trip(trained: Path, tmp_path: Path) -> None:
    card = read_card(trained / "card.json")
    write_card(card, tmp_path / "card.json")
    assert read_card(tmp_path / "card.json") == card


def test_a_wrong_hash_is_refused(copy: Path) -> None:
    with open(copy / "weights.npz", "ab") as file:
        file.write(b"x")
    with pytest.raises(InputError, match=r"weights\.npz: expected sha256 .* found"):
        zoo.load(str(copy))


def test_missing_weights_are_refused(copy: Path) -> None:
    (copy / "weights.npz").unlink()
    with pytest.raises(InputError, match="found no such file"):
        zoo.load(str(copy))


def test_weights_cut_short_are_refused(copy: Path) -> None:
    path = copy / "weights.npz"
    path.write_bytes(path.read_bytes()[:2000])
    build, _ = architecture("mini_xception")
    with pytest.raises(InputError, match=r"expected an intact \.npz"):
        load_weights(build((48, 48, 1), 7), path)


def test_weights_of_another_net_are_refused(copy: Path) -> None:
    build, _ = architecture("simple_cnn")
    with pytest.raises(InputError, match="do not fit simple_cnn"):
        load_weights(build((48, 48, 1), 7), copy / "weights.npz")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "expected a model card"),
        ("{}", "id: missing"),
        ('{"id": "x", "colour": 1}', "card"),
    ],
)
def test_damaged_cards_are_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(InputError, match=words):
        read_card(tmp_path / "card.json")


def test_missing_card_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_card(tmp_path / "card.json")


def test_names_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    known = ["mini_xception.fer", "simple_cnn.fer", "simple_cnn.ferplus", "xception.fer"]
    monkeypatch.setattr(zoo, "model_ids", lambda: known)
    assert zoo.resolve("simple_cnn") == ["simple_cnn.fer", "simple_cnn.ferplus"]
    assert zoo.resolve("simple_cnn.fer,simple_cnn") == ["simple_cnn.fer", "simple_cnn.ferplus"]
    assert zoo.resolve("all") == known
    assert zoo.resolve("starter") == known[:3]
    with pytest.raises(InputError, match=r"Did you mean simple_cnn or simple_cnn\.fer or"):
        zoo.resolve("simple_cnnn")
    with pytest.raises(InputError, match="at least one"):
        zoo.resolve(" , ")
    with pytest.raises(InputError, match="got 'nosuch'"):
        zoo.load("nosuch")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("simple_cnn", r"'simple_cnn' means 2: name simple_cnn.fer or simple_cnn.ferplus\.$"),
        ("tiny", r"one model is asked for; 'tiny' lacks its label set: name tiny\.fer\.$"),
        ("starter", r"must be an id of `python -m fer_models\.list`, .*; got 'starter'\.$"),
        ("simple_cnn.fr", r"Did you mean simple_cnn.fer or .*\?$"),
    ],
)
def test_one_model_is_named_by_its_id(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        zoo.card_of(name)


def test_an_unknown_name_is_told_which_ways_there_are() -> None:
    words = r"a \.keras, .* file, a SavedModel or .* folder, hf:.*, code as module:name, or a serv"
    with pytest.raises(InputError, match=words) as refused:
        zoo.resolve("net.unknown")
    assert len(str(refused.value)) < 380


def test_a_folder_that_holds_no_model_is_told_what_it_lacks(tmp_path: Path) -> None:
    words = r"it lacks saved_model\.pb \(SavedModel\), config\.json \(Hugging Face\) and card\.json"
    with pytest.raises(InputError, match=words):
        zoo.resolve(str(tmp_path))


@pytest.mark.parametrize(
    "name", ["[" * 5000, "a" * 5000 + ".onnx", "m:f@" + "w" * 5000, "hf:" + "a" * 5000, "a/" * 3000]
)
def test_a_name_that_no_file_can_have_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(InputError, match="a model's name must have at most") as refused:
        zoo.resolve(name)
    assert "\n" not in str(refused.value)
