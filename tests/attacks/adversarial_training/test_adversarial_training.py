"""Adversarial training on a toy task: bounds, its methods, resuming, and that it makes robust."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from attacks.adversarial_training.adversary import Adversary, unit_noise
from attacks.adversarial_training.recipe import AdversarialRecipe, Method
from attacks.adversarial_training.weight_perturbation import WeightPerturbation
from attacks.base import Keys
from attacks.pgd import PGD
from attacks.threat_model import Norm, distance
from datasets.base.errors import InputError
from fer_models.contract import Contract
from fer_models.keras_classifier import KerasClassifier, wrap
from fer_models.losses import Loss
from fer_models.recipe import Recipe
from fer_models.training.batches import TrainingRows
from fer_models.training.loop import ROBUST_COLUMN, fit, read_history
from fer_models.weights import load_weights
from tests.attacks import tiny

EPS = 8 / 255
RECIPE = Recipe(
    epochs=8,
    batch_size=32,
    learning_rate=0.05,
    weight_decay=0.0,
    label_smoothing=0.0,
    flip=False,
    shift=0.0,
    rotation=0.0,
    zoom=0.0,
    contrast=0.0,
    averaging=0.8,
)
AGAINST = AdversarialRecipe(eps=EPS, judge_eps=EPS, judge_rows=40, warm_up=1.0)


def toy_rows(count: int = 256, seed: int = 0) -> TrainingRows:
    """A faint fixed pattern of +-5 grey levels tells the class always, brightness 17 times in 20.

    Perturbations of 8 levels undo the pattern, but not the brightness (60 levels apart).
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    pattern = np.random.default_rng(9).choice((-5, 5), (8, 8, 1))
    pattern -= pattern.mean().astype(int)
    bright = np.where(rng.random(count) < 0.85, labels, 1 - labels)
    images = (
        100 + 60 * bright[:, None, None, None] + (2 * labels - 1)[:, None, None, None] * pattern
    )
    return TrainingRows(
        images.astype(np.uint8),
        np.eye(2, dtype=np.float32)[labels],
        np.zeros((count, 0), np.float32),
    )


def build() -> keras.Model:
    images = keras.Input((8, 8, 1))
    x = keras.layers.Flatten()(keras.layers.Rescaling(4, -2)(images))
    x = keras.layers.BatchNormalization()(keras.layers.Dense(8)(x))
    return keras.Model(images, keras.layers.Dense(2)(keras.layers.ReLU()(x)))


def classifier_of(model: keras.Model) -> KerasClassifier:
    return wrap(model, Contract(8, 8, 1, tiny.scheme(2)), weights_sha256="in training")


def train(work: Path, against: AdversarialRecipe | None, on_epoch=lambda _: None, recipe=RECIPE):
    def adversary(model: keras.Model) -> Adversary:
        assert against is not None
        return Adversary(classifier_of(model), against)

    rows, validation = toy_rows(), toy_rows(64, 1)
    return fit(build, recipe, rows, validation, work, 0, on_epoch, adversary if against else None)


def attacked_accuracy(work: Path) -> float:
    model, rows = build(), toy_rows(64, 2)
    load_weights(model, work / "best.npz")
    images, labels = rows.images.astype(np.float32) / 255, rows.targets.argmax(axis=1)
    attack = PGD(norm=Norm.LINF, eps=EPS, steps=20, restarts=2)
    return 1 - attack(classifier_of(model), images, labels, Keys(0, np.arange(64))).success.mean()


@pytest.fixture(scope="module")
def normal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("normal")
    train(work, None)
    return work


@pytest.mark.parametrize("method", Method)
def test_a_net_trained_against_attacks_stands_more(
    method: Method, normal: Path, tmp_path: Path
) -> None:
    history = train(tmp_path, replace(AGAINST, method=method))
    assert attacked_accuracy(normal) < 0.5
    assert attacked_accuracy(tmp_path) > 0.8
    best = max(history, key=lambda line: line[ROBUST_COLUMN])
    assert best[ROBUST_COLUMN] > 0.75
    assert read_history(tmp_path / "history.csv") == history


def test_eps_zero_is_plain_training(normal: Path, tmp_path: Path) -> None:
    history = train(tmp_path, replace(AGAINST, eps=0.0, judge_eps=0.0, judge_rows=64))
    plain = read_history(normal / "history.csv")
    for line, other in zip(history, plain, strict=True):
        assert line.pop(ROBUST_COLUMN) == pytest.approx(line["val_accuracy"])
        assert line == other
    assert (tmp_path / "best.npz").read_bytes() == (normal / "best.npz").read_bytes()


def test_a_step_of_the_weights_by_hand() -> None:
    """A linear least-squares net, whose loss and gradients have closed forms."""
    rng = np.random.default_rng(0)
    x, y = rng.random((4, 3), np.float32), rng.random((4, 1), np.float32)
    start = rng.random((3, 1), np.float32)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([start])
    descent = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9)
    model.compile(descent, loss=keras.losses.MeanSquaredError())

    def gradient(weights: np.ndarray) -> np.ndarray:
        return 2 * x.T @ (x @ weights - y) / len(x)

    weights: np.ndarray = start
    average: np.ndarray = start
    moved = WeightPerturbation(model, 0.5)
    for step in range(3):
        up = gradient(weights)
        up *= 0.5 * np.linalg.norm(weights) / np.linalg.norm(up)
        before = weights
        weights = before - 0.1 * gradient(before + up)
        average = weights if step == 0 else 0.9 * average + 0.1 * weights
        with moved((x, y)):
            np.testing.assert_allclose(model.get_weights()[0], before + up, rtol=1e-5)
            model.train_on_batch(x, y)
        np.testing.assert_allclose(model.get_weights()[0], weights, rtol=1e-5)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    np.testing.assert_allclose(model.get_weights()[0], average, rtol=1e-5)


@pytest.mark.slow
def test_weights_that_moved_are_learned_at(normal: Path, tmp_path: Path) -> None:
    train(tmp_path / "moved", replace(AGAINST, weight_step=0.01))
    train(tmp_path / "still", AGAINST)
    moved, still = (read_history(tmp_path / name / "history.csv") for name in ("moved", "still"))
    assert moved != still
    assert attacked_accuracy(tmp_path / "moved") > 0.8


def test_a_cut_training_goes_on_and_ends_alike(tmp_path: Path) -> None:
    recipe = replace(RECIPE, epochs=3)
    whole = train(tmp_path / "a", AGAINST, recipe=recipe)

    def cut(line: dict[str, float]) -> None:
        if line["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "b", AGAINST, cut, recipe)
    resumed = train(tmp_path / "b", AGAINST, recipe=recipe)
    assert len(resumed) == 3
    for one, other in zip(whole, resumed, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def batch(count: int = 6) -> tuple[np.ndarray, np.ndarray]:
    return tiny.images(count), np.eye(3, dtype=np.float32)[np.arange(count) % 3]


def attacked(recipe: AdversarialRecipe, epoch: float = 9, given=None) -> tuple[np.ndarray, ...]:
    adversary = Adversary(tiny.conv(3), recipe)
    return adversary.attack(given or batch(), epoch, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("recipe", "bound"),
    [
        (AdversarialRecipe(method=Method.N_FGSM, eps=0.05), 0.15),  # noise 2 eps, step eps
        (AdversarialRecipe(method=Method.PGD, eps=0.05), 0.05),
        (AdversarialRecipe(method=Method.PGD, eps=0.05, steps=3), 0.05),
        (AdversarialRecipe(norm=Norm.L2, method=Method.N_FGSM, eps=0.1), 0.3),
        (AdversarialRecipe(norm=Norm.L2, method=Method.PGD, eps=0.1), 0.1),
        (AdversarialRecipe(norm=Norm.L2, method=Method.TRADES, eps=0.1, steps=3), 0.1),
    ],
)
def test_perturbations_keep_their_bounds(recipe: AdversarialRecipe, bound: float) -> None:
    images, targets = batch()
    moved, kept = (part[-6:] for part in attacked(recipe)[:2])
    assert moved.dtype == np.float32
    size = distance(moved, images, recipe.norm).max()
    assert 0.7 * bound < size <= bound + 1e-6
    if recipe.method is Method.TRADES:
        return
    np.testing.assert_array_equal(kept, targets)
    edge = (np.rint(images), targets)
    found, _ = attacked(recipe, given=edge)
    assert found.min() == 0 and found.max() == 1


def test_n_fgsm_by_hand() -> None:
    """Noise within 2 eps, then eps times the sign of the gradient there; nothing is cut."""
    images, targets = batch()
    eps = 0.02
    noise = eps * np.random.default_rng(0).uniform(-2, 2, images.shape).astype(np.float32)
    gradient = (
        tiny.conv(3)
        .input_gradients(images + noise, targets.argmax(axis=1), Loss.CROSS_ENTROPY)
        .gradient
    )
    expected = images + noise + np.float32(eps) * np.sign(gradient)
    found, _ = attacked(AdversarialRecipe(method=Method.N_FGSM, eps=eps))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_n_fgsm_in_l2_by_hand() -> None:
    """Noise within 2 eps, then eps along the gradient there."""
    images, targets = batch()
    noise = 0.2 * unit_noise(images.shape, Norm.L2, np.random.default_rng(0))
    start = np.clip(images + noise, 0, 1).astype(np.float32)
    gradient = (
        tiny.conv(3)
        .input_gradients(start, targets.argmax(axis=1), Loss.CROSS_ENTROPY)
        .gradient.astype(np.float64)
    )
    step = 0.1 * gradient / np.sqrt(np.square(gradient).sum(axis=(1, 2, 3), keepdims=True))
    found, _ = attacked(AdversarialRecipe(norm=Norm.L2, method=Method.N_FGSM, eps=0.1))
    np.testing.assert_allclose(found, np.clip(start + step, 0, 1), atol=1e-6)


@pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])
def test_the_noise_is_uniform_in_the_ball(norm: Norm) -> None:
    """In a ball of D dimensions a share r^D of the points lies within radius r."""
    points = unit_noise((4000, 1, 2, 1), norm, np.random.default_rng(0))
    radii = distance(points, np.zeros_like(points), norm)
    for radius in (0.3, 0.6, 0.9):
        assert (radii <= radius).mean() == pytest.approx(radius**2, abs=0.03)
    assert radii.max() <= 1 + 1e-6
    assert abs(points.mean(axis=0)).max() < 0.03


def test_eps_grows_over_the_first_epochs() -> None:
    recipe = AdversarialRecipe(eps=0.04, warm_up=4)
    assert [recipe.eps_at(epoch) for epoch in (0, 1, 2.5, 4, 9)] == pytest.approx(
        [0, 0.01, 0.025, 0.04, 0.04]
    )
    assert AdversarialRecipe(eps=0.04, warm_up=0).eps_at(0) == 0.04
    given = batch()
    assert attacked(recipe, 0.0, given) is given


def test_trades_keeps_the_clean_and_teaches_its_answers() -> None:
    images, targets = batch()
    wide = np.concatenate([targets, np.ones((6, 2), np.float32)], axis=1)  # a second label set
    weights = np.arange(1, 7, dtype=np.float32)
    recipe = AdversarialRecipe(method=Method.TRADES, eps=0.05, beta=3.0)
    both, answers, heavy = attacked(recipe, given=(images, wide, weights))
    np.testing.assert_array_equal(both[:6], images)
    assert 0.04 < np.abs(both[6:] - images).max() <= 0.05 + 1e-6
    np.testing.assert_array_equal(answers[:6], wide)
    logits = tiny.conv(3).attacked_logits(images).astype(np.float64)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(answers[6:, :3], shares, atol=1e-6)
    assert not answers[6:, 3:].any()
    np.testing.assert_array_equal(heavy, [*weights, *(3 * weights)])
    assert attacked(recipe)[2].tolist() == 6 * [1.0] + 6 * [3.0]


def test_the_judge_takes_a_fixed_sample() -> None:
    images = np.rint(255 * tiny.images(50)).astype(np.uint8)
    classifier = tiny.conv(3)
    labels = classifier.predict(images.astype(np.float32) / 255)
    targets = np.eye(3, dtype=np.float32)[labels]
    still = AdversarialRecipe(judge_eps=0.0, judge_rows=10)
    assert Adversary(classifier, still).robust_accuracy(images, targets) == 1.0
    strong = replace(still, judge_eps=0.5)
    assert Adversary(classifier, strong).robust_accuracy(images, targets) == 0.0
    half = targets[:, [1, 2, 0]].copy()
    rows = np.random.default_rng(0).permutation(50)[:10]
    half[rows[:5]] = targets[rows[:5]]
    assert Adversary(classifier, still).robust_accuracy(images, half) == 0.5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"eps": 8.0}, "did you mean 8/255"),
        ({"judge_eps": -0.1}, "`eps` must be in"),
        ({"norm": Norm.L1}, "`norm` must be linf or l2 in training; got l1"),
        ({"steps": 0, "method": Method.PGD}, "`steps` must be at least 1 for pgd; got 0"),
        ({"steps": 2}, "`steps` must be 1 for n_fgsm; got 2"),
        ({"warm_up": -1.0}, "`warm_up` must be at least 0"),
        ({"warm_up": float("nan")}, "`warm_up` must be at least 0"),
        ({"beta": float("nan")}, "`beta` more than 0"),
        ({"beta": 0.0}, "`beta` more than 0"),
        ({"beta": 3.0}, "`beta` is for trades only; got 3 for n_fgsm"),
        ({"weight_step": -0.1}, "`weight_step` must be at least 0"),
        ({"weight_step": float("nan")}, "`weight_step` must be at least 0"),
    ],
)
def test_wrong_settings_are_refused(options: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        AdversarialRecipe(**options)
