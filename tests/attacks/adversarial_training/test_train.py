"""`python -m attacks.train`: the id, card and files of an adversarial training."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import pytest

from attacks import train
from attacks.adversarial_training.recipe import Method
from attacks.threat_model import Norm
from attacks.train import MILDER
from datasets.base.errors import InputError
from datasets.labels import LabelSet
from fer_models import zoo
from fer_models.architectures.registry import ARCHITECTURES
from fer_models.cards import read_card
from fer_models.recipe import Recipe
from fer_models.training.loop import ROBUST_COLUMN, read_history
from tests.datasets.factory import write_source


def build(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    images = keras.Input(input_shape)
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(12)(images))
    return keras.Model(images, keras.layers.Dense(num_classes)(x), name="tiny")


def main(name: str, labels: LabelSet, data: Path, **options: Any) -> None:
    train.main(train.AdversarialRequest(name=name, labels=labels, data=data, **options))


@pytest.fixture(autouse=True)
def tiny_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = ModuleType("tiny_architecture")
    module.build, module.RECIPE = build, Recipe(epochs=9, batch_size=8, erase=0.5)
    monkeypatch.setitem(sys.modules, "tiny_architecture", module)
    monkeypatch.setitem(ARCHITECTURES, "tiny", "tiny_architecture")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_source(tmp_path_factory.mktemp("data"))


def test_a_robust_training_has_its_own_id_and_says_against_what(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = tmp_path / "work"
    main("tiny", LabelSet.FER, data, eps="6/255", epochs=2, other_labels=0.5, out=work)
    printed = capsys.readouterr()
    assert printed.out.startswith("tiny_robust.fer: ")
    assert "attacked" in printed.err
    card = read_card(work / "card.json")
    assert (card.id, card.architecture) == ("tiny_robust.fer", "tiny")
    assert card.trained_against == {
        "norm": "linf",
        "method": "n_fgsm",
        "eps": 6 / 255,
        "steps": 1,
        "warm_up": 4.0,
        "beta": 6.0,
        "weight_step": 0.0,
        "judge_eps": 6 / 255,
        "judge_rows": 1000,
    }
    assert isinstance(card.recipe, Recipe)
    assert (card.recipe.epochs, card.recipe.other_labels) == (2, 0.5)
    assert (card.recipe.erase, card.recipe.averaging) == (MILDER["erase"], MILDER["averaging"])
    history = read_history(work / "history.csv")
    robust = [line[ROBUST_COLUMN] for line in history]
    assert card.best_epoch == 1 + robust.index(max(robust))
    assert zoo.load(str(work)).id == "tiny_robust.fer"
    assert zoo.describe(str(work)).architecture == "tiny"

    with pytest.raises(InputError, match="holds a training already"):
        main("tiny", LabelSet.FER, data, out=work)
    with pytest.raises(InputError, match="settings differ"):
        main("tiny", LabelSet.FER, data, method=Method.PGD, epochs=2, out=work, resume=True)


def test_a_training_in_l2_has_an_id_of_its_own(data: Path, tmp_path: Path) -> None:
    main("tiny", LabelSet.FER, data, norm=Norm.L2, eps="0.5", epochs=1, final=True, out=tmp_path)
    card = read_card(tmp_path / "card.json")
    assert (card.id, card.architecture) == ("tiny_robust_l2.fer", "tiny")
    assert card.trained_against["norm"] == "l2"
    assert card.trained_against["judge_eps"] == card.trained_against["eps"] == 0.5
    assert zoo.load(str(tmp_path)).id == "tiny_robust_l2.fer"


@pytest.mark.parametrize(
    ("options", "words"),
    [({"eps": "8"}, "did you mean 8/255"), ({"judge_eps": "x"}, "a number or a fraction")],
)
def test_wrong_options_are_refused_before_anything_is_read(
    options: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=words):
        main("tiny", LabelSet.FER, tmp_path / "nothing here", **options)


def test_a_classical_model_cannot_be_trained_against_attacks(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"hog_svm is not a neural net; .* vgg_small, "):
        main("hog_svm", LabelSet.FER, tmp_path / "nothing here")


def test_a_bare_name_leaves_the_robust_sibling_out(monkeypatch: pytest.MonkeyPatch) -> None:
    known = ["vgg_small.fer", "vgg_small.ferplus", "vgg_small_robust.fer"]
    monkeypatch.setattr(zoo, "model_ids", lambda: known)
    assert zoo.resolve("vgg_small") == known[:2]
    assert zoo.resolve("vgg_small_robust") == known[2:]
    assert zoo.resolve("all") == known
