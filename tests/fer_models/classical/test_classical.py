"""Classical classifiers: conformance of all six, trained on a few synthetic faces."""

import builtins
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.labels import FER7, LabelScheme, LabelSet
from fer_models import zoo
from fer_models.cards import Card
from fer_models.classical import recipes
from fer_models.classical.boosting import Trees
from fer_models.classical.classifier import ClassicalClassifier
from fer_models.classical.models import read_model
from fer_models.classical.recipes import CLASSICAL, LgbmRecipe, SvmRecipe
from fer_models.classical.training import fit_classical
from fer_models.export import main as export
from fer_models.recipe import Precision
from fer_models.train import TrainRequest, main
from fer_models.training.batches import TrainingRows
from fer_models.weights import write_arrays
from tests.datasets.factory import write_source
from tests.fer_models.cards import make_card

IMAGES = np.random.default_rng(0).random((64, 48, 48, 1), np.float32)


def small(name: str) -> SvmRecipe | LgbmRecipe:
    """The recipe, in a size for a second."""
    recipe = CLASSICAL[name]
    if isinstance(recipe, SvmRecipe):
        return replace(recipe, components=(10,) * len(recipe.features), centres=20)
    return replace(recipe, trees=3, leaves=4, code=min(recipe.code, 8), code_epochs=1)


def striped_rows(num_classes: int, count: int = 40, side: int = 48) -> TrainingRows:
    """Noisy faces whose stripes turn with the class."""
    rng, labels = np.random.default_rng(1), np.arange(count) % num_classes
    y, x = np.mgrid[:side, :side] / side
    angle = (np.pi * labels / num_classes)[:, None, None]
    waves = np.sin(25 * (np.cos(angle) * x + np.sin(angle) * y))
    images = 128 + 80 * waves + rng.normal(0, 15, waves.shape)
    targets = np.eye(num_classes, dtype=np.float32)[labels]
    return TrainingRows(images.clip(0, 255).astype(np.uint8)[..., None], targets, targets[:, :0])


@pytest.fixture(scope="module", params=list(CLASSICAL))
def classifier(request: pytest.FixtureRequest) -> ClassicalClassifier:
    rows = striped_rows(7)
    model = fit_classical(small(request.param), rows, rows, 0)
    return ClassicalClassifier(model, FER7, request.param, "")


def test_shape_dtype_and_determinism(classifier: ClassicalClassifier) -> None:
    logits = classifier.logits(IMAGES)
    assert logits.shape == (64, 7)
    assert logits.dtype == np.float32
    np.testing.assert_array_equal(logits, classifier.logits(IMAGES))
    for size in (1, 7):
        np.testing.assert_allclose(classifier.logits(IMAGES[:size]), logits[:size], atol=1e-4)


def test_no_images_give_no_logits(classifier: ClassicalClassifier) -> None:
    assert classifier.logits(IMAGES[:0]).shape == (0, 7)


def test_other_sizes_and_colours_are_fitted(classifier: ClassicalClassifier) -> None:
    colour = np.repeat(IMAGES[:3], 3, axis=3)
    np.testing.assert_allclose(classifier.logits(colour), classifier.logits(IMAGES[:3]), atol=0.5)
    large = np.repeat(np.repeat(IMAGES[:3], 2, axis=1), 2, axis=2)
    assert classifier.logits(large[:, :90]).shape == (3, 7)


def test_pixels_out_of_range_are_refused(classifier: ClassicalClassifier) -> None:
    with pytest.raises(ValueError, match="divide by 255"):
        classifier.logits(IMAGES * 255)


def test_saved_and_loaded_models_give_equal_logits(
    classifier: ClassicalClassifier, tmp_path: Path
) -> None:
    write_arrays(classifier.model.arrays(), tmp_path / "w.npz")
    again = read_model(small(classifier.id), tmp_path / "w.npz")
    copy = ClassicalClassifier(again, FER7, classifier.id, "")
    np.testing.assert_array_equal(copy.logits(IMAGES[:9]), classifier.logits(IMAGES[:9]))
    assert again.count_params() == classifier.model.count_params()


@pytest.mark.parametrize("name", list(CLASSICAL))
def test_28x28_with_ten_classes(name: str) -> None:
    rows = striped_rows(10, side=28)
    model = fit_classical(small(name), rows, rows, 0)
    classifier = ClassicalClassifier(model, LabelScheme("digits", tuple("0123456789")), name, "")
    assert classifier.logits(IMAGES[:5, :28, :28]).shape == (5, 10)


@pytest.mark.parametrize("name", ["hog_svm", "lgbm_flat"])
def test_it_learns(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = striped_rows(4, 200)
    recipe = small(name)
    if isinstance(recipe, LgbmRecipe):
        recipe = replace(recipe, trees=25)
    model = fit_classical(recipe, rows, rows, 0)
    classifier = ClassicalClassifier(model, LabelScheme("four", tuple("abcd")), name, "")
    found = classifier.predict(rows.images.astype(np.float32) / 255)
    assert (found == rows.targets.argmax(axis=1)).mean() > 0.9
    told = capsys.readouterr().err
    assert "PublicTest" not in told
    assert ("round 25: loss" in told) == isinstance(recipe, LgbmRecipe)


def test_weights_of_another_kind_are_refused(tmp_path: Path) -> None:
    write_arrays({"trees": np.zeros(3, np.uint8)}, tmp_path / "w.npz")
    with pytest.raises(InputError, match="weights of another kind of model"):
        read_model(CLASSICAL["hog_svm"], tmp_path / "w.npz")


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of a training of `hog_svm` by the user's command."""
    monkeypatch.setitem(recipes.CLASSICAL, "hog_svm", small("hog_svm"))
    data = write_source(tmp_path / "data")
    work = tmp_path / "work"
    main(TrainRequest(data=data, name="hog_svm", labels=LabelSet.FER, out=work, note="toy"))
    return work


def test_the_command_trains_what_the_zoo_loads(trained: Path) -> None:
    card, weights = zoo.card_of(str(trained))
    assert card.recipe == small("hog_svm")
    assert (card.epochs, card.best_epoch, card.note, card.training_rows) == (0, 0, "toy", 38)
    assert card.selected_on == "scale of the logits chosen on a held-out tenth of Training, 4 faces"
    classifier = zoo.load(str(trained))
    assert isinstance(classifier, ClassicalClassifier)
    assert classifier.model.count_params() == card.parameters
    assert classifier.weights_sha256 == card.weights_sha256
    assert weights.stat().st_size < 50_000
    defended = zoo.load(f"{trained}+bits3")
    assert defended.logits(IMAGES[:2]).shape == (2, 7)
    with pytest.raises(InputError, match="only neural nets are exported"):
        export(str(trained), out=trained / "model.keras")


def test_damaged_weights_are_refused(trained: Path) -> None:
    path = trained / "weights.npz"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"weights\.npz: expected sha256"):
        zoo.load(str(trained))
    card, _ = zoo.card_of(str(trained))
    with pytest.raises(InputError, match=r"expected an intact \.npz"):
        zoo.load_unverified(card, path)


@pytest.mark.parametrize(
    "options", [{"epochs": 3}, {"precision": Precision.BFLOAT16}, {"start_from": "simple_cnn.fer"}]
)
def test_options_of_neural_nets_are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="hog_svm is not a neural net"):
        main(TrainRequest(data=tmp_path, name="hog_svm", labels=LabelSet.FER, **options))


def test_a_classical_model_needs_held_out_faces(tmp_path: Path) -> None:
    data = write_source(tmp_path / "data")
    out = tmp_path / "work"
    request = TrainRequest(data=data, name="hog_svm", labels=LabelSet.FER, out=out, final=True)
    with pytest.raises(InputError, match="--final trains neural nets only; got hog_svm"):
        main(request)
    assert not out.exists()


@pytest.mark.parametrize("name", list(CLASSICAL))
def test_a_card_tells_recipes_apart(name: str) -> None:
    card = make_card(name, recipe=CLASSICAL[name], epochs=0, best_epoch=0)
    assert Card.model_validate_json(card.model_dump_json()) == card


def test_damaged_trees_are_refused() -> None:
    with pytest.raises(InputError, match="expected the text of a LightGBM model"):
        Trees("tree\nnonsense")


def test_without_openmp_lightgbm_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, *rest: Any, **options: Any) -> Any:
        if name == "lightgbm":
            raise OSError("libgomp.so.1: cannot open shared object file")
        return real(name, *rest, **options)

    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(InputError, match="apt install libgomp1"):
        Trees("")
