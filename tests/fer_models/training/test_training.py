"""The training loop on a toy task: it learns, resumes, schedules and weighs as it says."""

import csv
import dataclasses
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import pytest

from fer_models.recipe import Recipe, Schedule
from fer_models.training.augmentation import augment, with_brightness, with_noise
from fer_models.training.batches import AugmentedBatches, TrainingRows, class_weights
from fer_models.training.curves import plot_history
from fer_models.training.loop import HISTORY_COLUMNS, fit, learning_rate, read_history, should_stop
from fer_models.training.second_head import LabelSetsLoss, with_second_head, without_second_head
from fer_models.training.teacher import Teacher
from fer_models.weights import load_weights

RECIPE = Recipe(epochs=4, batch_size=16, learning_rate=0.1, calm_epochs=1, shift=0.5)


def toy_rows(count: int = 96) -> TrainingRows:
    """Bright images are class 1, dark ones class 0."""
    rng = np.random.default_rng(0)
    bright = np.arange(count) % 2
    images = (
        60 + 120 * bright[:, None, None, None] + rng.integers(0, 40, (count, 8, 8, 1))
    ).astype(np.uint8)
    return TrainingRows(
        images, np.eye(2, dtype=np.float32)[bright], np.zeros((count, 0), np.float32)
    )


def build() -> keras.Model:
    images = keras.Input((8, 8, 1))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(4, -2)(images))
    x = keras.layers.Dense(2)(x)
    return keras.Model(images, x)


def test_learns_and_writes_its_files(tmp_path: Path) -> None:
    lines: list[dict[str, float]] = []
    history = fit(build, RECIPE, toy_rows(), toy_rows(32), tmp_path, 0, lines.append)
    assert history[-1]["val_accuracy"] == 1.0
    assert lines == history
    assert read_history(tmp_path / "history.csv") == history
    with open(tmp_path / "history.csv", newline="") as file:
        assert next(csv.reader(file)) == list(HISTORY_COLUMNS)
    assert (tmp_path / "best.npz").exists()
    plot_history(history, "toy", tmp_path / "history.png")
    assert (tmp_path / "history.png").stat().st_size > 5000


def test_a_cut_training_goes_on_and_ends_alike(tmp_path: Path) -> None:
    whole = fit(build, RECIPE, toy_rows(), toy_rows(32), tmp_path / "a", 0, lambda _: None)

    def cut(line: dict[str, float]) -> None:
        if line["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(build, RECIPE, toy_rows(), toy_rows(32), tmp_path / "b", 0, cut)
    seen: list[dict[str, float]] = []
    resumed = fit(build, RECIPE, toy_rows(), toy_rows(32), tmp_path / "b", 0, seen.append)
    assert [line["epoch"] for line in seen] == [3, 4]
    for one, other in zip(whole, resumed, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_same_key_same_batches_other_epoch_other_batches() -> None:
    rows = toy_rows()
    first, again = (AugmentedBatches(rows, RECIPE, 0, 1)[2][0] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, AugmentedBatches(rows, RECIPE, 0, 2)[2][0])
    assert len(AugmentedBatches(rows, RECIPE, 0, 0)) == 6  # 96 / 16


def test_rare_classes_weigh_more() -> None:
    targets = np.eye(2, dtype=np.float32)[[0, 0, 0, 1]]
    np.testing.assert_allclose(class_weights(targets), [4 / (2 * 3), 4 / (2 * 1)])
    weighted = dataclasses.replace(RECIPE, class_weights=True, batch_size=4)
    _, batch_targets, weights = AugmentedBatches(
        TrainingRows(toy_rows(4).images, targets, targets[:, :0]), weighted, 0, 0
    )[0]
    assert weights[batch_targets[:, 1] == 1] == pytest.approx(2.0)


def test_cosine_warms_up_then_falls() -> None:
    recipe = Recipe(epochs=11, learning_rate=1.0)
    rates = [learning_rate(recipe, [{}] * done) for done in range(11)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[1] == pytest.approx(1.0)
    assert rates[6] == pytest.approx(0.02 + 0.98 * 0.5)  # half way: cos(pi / 2) = 0
    assert all(a >= b for a, b in pairwise(rates[1:]))


def test_plateau_falls_after_its_patience() -> None:
    recipe = Recipe(epochs=50, learning_rate=1.0, schedule=Schedule.PLATEAU, plateau_patience=2)
    history = [{"val_accuracy": value} for value in (0.5, 0.6, 0.6, 0.55)]
    assert learning_rate(recipe, history[:3]) == 1.0
    assert learning_rate(recipe, history) == pytest.approx(0.3)


def test_early_stopping() -> None:
    recipe = Recipe(epochs=50, early_stopping=2)
    history = [{"val_accuracy": value} for value in (0.5, 0.6, 0.6, 0.55)]
    assert not should_stop(recipe, history[:3])
    assert should_stop(recipe, history)
    assert should_stop(Recipe(epochs=2), history[:2])


def test_last_epochs_are_calm() -> None:
    recipe = Recipe(epochs=10, calm_epochs=3, rotation=8)
    assert recipe.at_epoch(6).rotation == 8
    assert recipe.at_epoch(7).rotation == 0


def test_augmentation_keeps_shape_and_range() -> None:
    images = np.random.default_rng(0).integers(0, 256, (9, 12, 12, 1), dtype=np.uint8)
    views = augment(images, Recipe(epochs=1, erase=1.0), np.random.default_rng(0))
    assert views.shape == images.shape
    assert views.dtype == np.float32
    assert views.min() >= 0
    assert views.max() <= 1


def test_without_strength_only_the_scale_changes() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 12, 12, 3), dtype=np.uint8)
    still = Recipe(epochs=1, flip=False, shift=0, rotation=0, zoom=0, contrast=0)
    views = augment(images, still, np.random.default_rng(0))
    np.testing.assert_allclose(views, images / 255, atol=1e-6)


def test_flips_mirror() -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 12, 12, 1), dtype=np.uint8)
    flips = Recipe(epochs=1, shift=0, rotation=0, zoom=0, contrast=0)
    views = augment(images, flips, np.random.default_rng(0))
    same = np.isclose(views, images / 255, atol=1e-6).all(axis=(1, 2, 3))
    mirrored = np.isclose(views, images[:, :, ::-1] / 255, atol=1e-6).all(axis=(1, 2, 3))
    assert (same ^ mirrored).all()
    assert 0 < same.sum() < 40


def test_brightness_is_a_factor_of_each_face() -> None:
    grey = np.full((2000, 3, 3, 1), 0.5, np.float32)
    brighter = with_brightness(grey, 0.6, np.random.default_rng(0))
    assert (brighter == brighter[:, :1, :1]).all()
    factors = np.sort(brighter[:, 0, 0, 0]) / 0.5
    np.testing.assert_allclose(factors, np.linspace(0.4, 1.6, 2000), atol=0.05)
    white = with_brightness(2 * grey, 0.6, np.random.default_rng(0))
    np.testing.assert_allclose(white, np.minimum(2 * brighter, 1), atol=1e-6)


def test_half_of_the_faces_get_noise_of_any_strength() -> None:
    grey = np.full((2000, 12, 12, 1), 0.5, np.float32)
    noisy = with_noise(grey, 0.1, np.random.default_rng(0))
    assert noisy.dtype == np.float32
    deviations = np.sort(noisy.std(axis=(1, 2, 3)))
    still = int((deviations == 0).sum())
    assert 900 < still < 1100
    expected = np.linspace(0, 0.1, 2000 - still)
    np.testing.assert_allclose(deviations[still:], expected, atol=0.015)
    edges = with_noise(2 * grey, 1.0, np.random.default_rng(0))
    assert (edges.min(), edges.max()) == (0, 1)


def test_noise_and_brightness_come_after_the_teacher() -> None:
    seen: list[np.ndarray] = []

    def answers(images: np.ndarray) -> np.ndarray:
        seen.append(images)
        return np.zeros((len(images), 2), np.float32)

    plain = AugmentedBatches(toy_rows(), RECIPE, 0, 1)[2][0]
    noise = dataclasses.replace(RECIPE, noise=0.2)
    brightness = dataclasses.replace(RECIPE, brightness=0.5)
    for recipe in (noise, brightness):
        images = AugmentedBatches(toy_rows(), recipe, 0, 1, Teacher([answers], 0.5))[2][0]
        np.testing.assert_array_equal(seen[-1], plain)
        assert (images != plain).any(axis=(1, 2, 3)).any()


def test_the_second_head_teaches_the_features_and_is_dropped(tmp_path: Path) -> None:
    """The own targets say nothing (all alike); only the other label set tells bright from dark."""
    known = toy_rows()
    rows = TrainingRows(
        known.images, np.full((96, 2), 0.5, np.float32), known.targets.astype(np.float32)
    )
    recipe = dataclasses.replace(RECIPE, other_labels=1.0, label_smoothing=0.0)

    def narrow() -> keras.Model:
        images = keras.Input((8, 8, 1))
        x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(4, -2)(images))
        x = keras.layers.Dense(1, name="feature")(x)
        return keras.Model(images, keras.layers.Dense(2)(x))

    history = fit(narrow, recipe, rows, rows, tmp_path, 0, lambda _: None)
    assert history[-1]["loss"] < history[0]["loss"] - 0.3
    assert history[-1]["loss"] == pytest.approx(np.log(2), abs=0.15)  # the own part stays ln 2
    kept = narrow()
    load_weights(kept, tmp_path / "best.npz")
    assert kept.output_shape == (None, 2)


def test_a_row_without_other_label_adds_nothing() -> None:
    loss = LabelSetsLoss(num_classes=2, label_smoothing=0.0, other_weight=3.0)
    logits = np.zeros((2, 5), np.float32)
    targets = np.array([[1, 0, 0, 0, 0], [1, 0, 0, 1, 0]], np.float32)
    expected = [np.log(2), np.log(2) + 3 * np.log(3)]
    np.testing.assert_allclose(loss.call(targets, logits), expected, rtol=1e-6)
    heads = keras.Sequential([keras.Input((5,)), keras.layers.Dense(5, use_bias=False)])
    heads.compile(keras.optimizers.SGD(1.0), loss=loss)
    before = heads.get_weights()[0]
    heads.train_on_batch(np.ones((1, 5), np.float32), targets[:1])
    np.testing.assert_array_equal(heads.get_weights()[0][:, 2:], before[:, 2:])


def test_a_mixture_with_a_row_without_other_label_adds_its_share() -> None:
    """Of a row in two parts, of which one has no other label, the other part is learnt alone."""
    loss = LabelSetsLoss(num_classes=2, label_smoothing=0.0, other_weight=3.0)
    targets = np.array([[1, 0, 0.25, 0, 0], [1, 0, 1, 0, 0]], np.float32)
    np.testing.assert_allclose(
        loss.call(targets, np.zeros((2, 5), np.float32)) - np.log(2),
        [3 * 0.25 * np.log(3), 3 * np.log(3)],
        rtol=1e-6,
    )
    moves = []
    for target in targets:
        heads = keras.Sequential([keras.Input((5,)), keras.layers.Dense(5, use_bias=False)])
        heads.compile(keras.optimizers.SGD(1.0), loss=loss)
        heads.set_weights([np.zeros((5, 5), np.float32)])
        heads.train_on_batch(np.ones((1, 5), np.float32), target[None])
        moves.append(heads.get_weights()[0][0, 2:])
    np.testing.assert_allclose(moves[0], 0.25 * moves[1], atol=1e-6)
    assert moves[1] == pytest.approx([2, -1, -1])


def test_a_net_that_averages_its_class_maps_has_a_second_head_as_well() -> None:
    images = keras.Input((8, 8, 1))
    maps = keras.layers.Conv2D(3, 3)(keras.layers.Conv2D(5, 3, name="features")(images))
    model = keras.Model(images, keras.layers.GlobalAveragePooling2D()(maps))
    taught = with_second_head(model, 4)
    assert taught.output_shape == (None, 7)
    assert taught.get_layer("other_logits").kernel.shape == (5, 4)
    faces = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    np.testing.assert_array_equal(without_second_head(taught)(faces), model(faces))
