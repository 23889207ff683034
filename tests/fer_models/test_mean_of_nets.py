"""`mean_of_nets`: the mean of log-probabilities, its gradient, and its members' identity."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from datasets.base.errors import InputError
from evaluation.stages.explanation_shift import explain
from fer_models import cards, zoo
from fer_models.cards import CARDS, read_card, weight_files, write_card
from fer_models.classifier import DifferentiableClassifier
from fer_models.losses import Loss
from fer_models.recipe import MeanRecipe
from fer_models.zoo import load

MEANS = ("mean_of_nets.fer", "mean_of_nets.ferplus")


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).random((5, 48, 48, 1), np.float32)


@pytest.fixture(scope="module")
def mean() -> DifferentiableClassifier:
    net = load("mean_of_nets.fer")
    assert isinstance(net, DifferentiableClassifier)
    return net


def members_of(model: str) -> tuple[str, ...]:
    recipe = read_card(CARDS / f"{model}.json").recipe
    assert isinstance(recipe, MeanRecipe)
    return recipe.members


@pytest.mark.parametrize("model", MEANS)
def test_answers_the_mean_of_the_members_log_probabilities(model: str, images: np.ndarray) -> None:
    expected = []
    for member in members_of(model):
        logits = load(member).logits(images).astype(float)
        expected.append(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))
    np.testing.assert_allclose(load(model).logits(images), np.mean(expected, axis=0), atol=1e-5)


def test_its_gradient_is_that_of_its_answers(
    mean: DifferentiableClassifier, images: np.ndarray
) -> None:
    labels = mean.predict(images)
    answer = mean.input_gradients(images, labels, Loss.CROSS_ENTROPY)
    step = 1e-3 * np.sign(answer.gradient)
    ahead, behind = np.clip(images + step, 0, 1), np.clip(images - step, 0, 1)
    risen = mean.input_gradients(ahead, labels, Loss.CROSS_ENTROPY).loss
    risen = risen - mean.input_gradients(behind, labels, Loss.CROSS_ENTROPY).loss
    expected = ((ahead - behind) * answer.gradient).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(risen, expected, rtol=0.1)


def test_has_no_grad_cam_since_a_map_is_one_members(
    mean: DifferentiableClassifier, images: np.ndarray
) -> None:
    assert explain(mean, images, images) is None


def test_its_file_size_is_that_of_its_members() -> None:
    files = weight_files(read_card(CARDS / "mean_of_nets.fer.json"))
    assert [file.stem for file in files] == list(members_of("mean_of_nets.fer"))
    assert all(file.is_file() for file in files)


def test_refuses_members_it_was_not_measured_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(CARDS, tmp_path / "cards")
    for module in (cards, zoo):
        monkeypatch.setattr(module, "CARDS", folder)
    card = read_card(folder / "mean_of_nets.fer.json")
    assert isinstance(card.recipe, MeanRecipe)
    others = MeanRecipe(("mini_xception.fer", "tiny.fer"))
    write_card(card.model_copy(update={"recipe": others}), folder / "mean_of_nets.fer.json")
    with pytest.raises(InputError, match=r"measured with members of sha256 .* measure it again"):
        load("mean_of_nets.fer")
