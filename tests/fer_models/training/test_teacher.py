"""Distillation: targets are mixed as they should be, and a net learns what its teacher says."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
from scipy.special import softmax

from datasets.base.errors import InputError
from datasets.labels import LabelSet
from fer_models.recipe import Precision
from fer_models.training.batches import AugmentedBatches
from fer_models.training.loop import fit
from fer_models.training.teacher import Teacher, load_teacher
from fer_models.weights import load_weights
from tests.fer_models.training.test_training import RECIPE, build, toy_rows


def reversed_truth(images: np.ndarray) -> np.ndarray:
    """Calls dark images 1 and bright ones 0, of which `toy_rows` says the opposite."""
    bright = images.mean(axis=(1, 2, 3)) > 0.45
    return 8 * np.eye(2, dtype=np.float32)[1 - bright.astype(int)]


def test_targets_are_mixed_in_the_shares_and_other_labels_stay() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(5, 3)).astype(np.float32)
    targets = np.concatenate(
        [np.eye(3)[[0, 1, 2, 0, 1]], rng.dirichlet(np.ones(4), 5)], axis=1
    ).astype(np.float32)
    before = targets.copy()
    mixed = Teacher([lambda _: logits], 0.25).mixed(np.zeros((5, 4, 4, 1), np.float32), targets)
    expected = 0.75 * targets[:, :3] + 0.25 * softmax(logits, axis=1)
    np.testing.assert_allclose(mixed[:, :3], expected, atol=1e-6)
    np.testing.assert_allclose(mixed[:, :3].sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(mixed[:, 3:], targets[:, 3:])
    np.testing.assert_array_equal(targets, before)
    assert mixed.dtype == np.float32


def test_several_teach_the_mean_of_their_probabilities() -> None:
    logits = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    members = [lambda _, each=each: each for each in logits]
    images, targets = (
        np.zeros((5, 4, 4, 1), np.float32),
        np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1]],
    )
    mixed = Teacher(members, 0.5).mixed(images, targets)
    mean = (softmax(logits[0], axis=1) + softmax(logits[1], axis=1)) / 2
    np.testing.assert_allclose(mixed, 0.5 * targets + 0.5 * mean, atol=1e-6)


def test_the_teacher_sees_the_view_that_is_learnt_from() -> None:
    seen: list[np.ndarray] = []

    def answers(images: np.ndarray) -> np.ndarray:
        seen.append(images)
        return np.zeros((len(images), 2), np.float32)

    images, targets = AugmentedBatches(toy_rows(), RECIPE, 0, 1, Teacher([answers], 0.5))[2]
    np.testing.assert_array_equal(seen[0], images)
    np.testing.assert_array_equal(images, AugmentedBatches(toy_rows(), RECIPE, 0, 1)[2][0])
    np.testing.assert_allclose(np.sort(targets, axis=1)[:, 0], 0.25)


@pytest.mark.parametrize(("share", "right"), [(0.1, 1.0), (0.9, 0.0)])
def test_a_net_follows_the_larger_share(share: float, right: float, tmp_path: Path) -> None:
    rows, teacher = toy_rows(), Teacher([reversed_truth], share)
    recipe = dataclasses.replace(RECIPE, epochs=6, contrast=0.0)
    fit(build, recipe, rows, None, tmp_path, 0, lambda _: None, teacher=teacher)
    model = build()
    load_weights(model, tmp_path / "best.npz")
    predicted = keras.ops.convert_to_numpy(model(rows.images / np.float32(255))).argmax(axis=1)
    assert (predicted == rows.targets.argmax(axis=1)).mean() == right


def test_a_teacher_of_other_labels_is_refused() -> None:
    with pytest.raises(InputError, match=r"must answer with ferplus labels; got tiny\.fer with"):
        load_teacher("tiny.fer", 0.5, LabelSet.FERPLUS, Precision.FLOAT32)


def test_a_teacher_without_a_name_is_refused() -> None:
    with pytest.raises(InputError, match=r"--teacher must name at least one classifier; got ','"):
        load_teacher(",", 0.5, LabelSet.FER, Precision.FLOAT32)


def test_a_teacher_answers_alike_in_both_precisions() -> None:
    images = np.random.default_rng(0).random((4, 48, 48, 1), np.float32)
    targets = np.zeros((4, 7), np.float32)
    exact, rounded = (
        load_teacher("tiny.fer", 1.0, LabelSet.FER, precision).mixed(images, targets)
        for precision in Precision
    )
    np.testing.assert_allclose(exact, rounded, atol=0.03)


def test_every_named_classifier_teaches() -> None:
    images = np.random.default_rng(0).random((4, 48, 48, 1), np.float32)
    none = np.zeros((4, 7), np.float32)

    def answers(models: str) -> np.ndarray:
        return load_teacher(models, 1.0, LabelSet.FER, Precision.FLOAT32).mixed(images, none)

    one, other = answers("tiny.fer"), answers("simple_cnn.fer")
    np.testing.assert_allclose(answers("tiny.fer, simple_cnn.fer"), (one + other) / 2, atol=1e-6)
    assert np.abs(one - other).max() > 0.01
