"""mixup and CutMix: what is mixed, in which shares, and that targets follow the pixels."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from fer_models.recipe import Recipe
from fer_models.training.batches import AugmentedBatches, TrainingRows
from fer_models.training.mixing import cutmix, mixed, mixup
from fer_models.training.teacher import Teacher
from tests.fer_models.training.test_training import RECIPE, toy_rows

Mixture = Callable[
    [np.ndarray, np.ndarray, float, np.random.Generator], tuple[np.ndarray, np.ndarray]
]

COUNT, SIDE = 2000, 12
BRIGHT = np.arange(COUNT) % 2
"""Every second image is white, the others black: a pixel or its mean tells the share of white."""
IMAGES = np.broadcast_to(BRIGHT[:, None, None, None], (COUNT, SIDE, SIDE, 1)).astype(np.float32)
TARGETS = np.eye(2, dtype=np.float32)[BRIGHT]


@pytest.mark.parametrize("mix", [mixup, cutmix])
def test_targets_have_the_shares_of_the_pixels(mix: Mixture) -> None:
    images, targets = mix(IMAGES, TARGETS, 1.0, np.random.default_rng(0))
    assert images.dtype == targets.dtype == np.float32
    assert images.shape == IMAGES.shape
    np.testing.assert_allclose(images.mean(axis=(1, 2, 3)), targets[:, 1], atol=1e-6)
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)


def test_mixup_draws_shares_from_the_beta_distribution() -> None:
    images, _ = mixup(IMAGES, TARGETS, 1.0, np.random.default_rng(0))
    assert (images == images[:, :1, :1]).all()
    blended = np.abs(images[:, 0, 0, 0] - BRIGHT)  # 0 where both were alike
    others = np.sort(blended[blended > 0])
    assert COUNT * 0.45 < len(others) < COUNT * 0.55
    np.testing.assert_allclose(others, np.linspace(0, 1, len(others)), atol=0.05)


def test_cutmix_pastes_one_rectangle() -> None:
    images, targets = cutmix(IMAGES, TARGETS, 1.0, np.random.default_rng(0))
    pasted = images[..., 0] != BRIGHT[:, None, None]
    rows, columns = pasted.any(axis=2), pasted.any(axis=1)
    np.testing.assert_array_equal(pasted, rows[:, :, None] & columns[:, None, :])
    for span in (rows, columns):
        assert (np.abs(np.diff(np.pad(span, ((0, 0), (1, 1))).astype(int))).sum(axis=1) <= 2).all()
    changed = pasted.any(axis=(1, 2))
    own = targets[np.arange(COUNT), BRIGHT][changed]
    assert own.min() < 0.2 and own.max() > 0.95
    assert 0.5 < own.mean() < 0.75  # half, and more as a rectangle may reach beyond the edge


def test_one_of_two_ways_is_drawn_for_each_batch() -> None:
    few, labels, rng = IMAGES[:50], TARGETS[:50], np.random.default_rng(0)
    kinds = []
    for _ in range(200):
        images, _ = mixed(few, labels, 0.4, 1.0, rng)
        kinds.append(bool(np.isin(images, (0, 1)).all()))
    assert 70 < sum(kinds) < 130  # CutMix leaves every pixel black or white
    for settings, both in (((0.0, 1.0), True), ((0.4, 0.0), False)):
        images, _ = mixed(few, labels, *settings, rng)
        assert bool(np.isin(images, (0, 1)).all()) == both
    untouched = mixed(few, labels, 0.0, 0.0, rng)
    assert untouched[0] is few and untouched[1] is labels


def test_a_teacher_sees_the_mixture_and_calm_epochs_have_none() -> None:
    seen: list[np.ndarray] = []

    def answers(images: np.ndarray) -> np.ndarray:
        seen.append(images)
        return np.zeros((len(images), 2), np.float32)

    recipe = dataclasses.replace(RECIPE, epochs=4, calm_epochs=2, mixup=1.0)
    images, targets = AugmentedBatches(toy_rows(), recipe, 0, 1, Teacher([answers], 0.5))[2]
    np.testing.assert_array_equal(seen[0], images)
    plain, sure = AugmentedBatches(toy_rows(), RECIPE, 0, 1)[2]
    assert (images != plain).any()
    assert set(sure.ravel()) == {0, 1}
    assert len(set(targets.ravel().tolist())) > 4
    assert recipe.at_epoch(2).mixup == recipe.at_epoch(2).cutmix == 0


def test_weights_of_classes_are_mixed_like_the_targets() -> None:
    targets = np.eye(2, dtype=np.float32)[[0, 0, 0, 1]]
    recipe = Recipe(epochs=20, batch_size=4, class_weights=True, mixup=1.0)
    rows = TrainingRows(toy_rows(4).images, targets, targets[:, :0])
    _, blended, weights = AugmentedBatches(rows, recipe, 0, 0)[0]
    np.testing.assert_allclose(weights, blended @ [4 / (2 * 3), 4 / (2 * 1)], rtol=1e-6)
    assert len(set(weights.tolist())) > 2
