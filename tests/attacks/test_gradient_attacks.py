"""Closed forms, inclusion, scale of the logits, a planted example, restarts and costs."""

import keras
import numpy as np
import pytest

from attacks.base import Keys
from attacks.gradient_attack import steepest_step, zero_gradients
from attacks.pgd import PGD
from attacks.registry import make_attack
from attacks.threat_model import Norm, distance
from datasets.base.errors import InputError
from fer_models.contract import Contract
from fer_models.keras_classifier import wrap
from fer_models.losses import Loss
from tests.attacks import tiny

DUAL = {Norm.LINF: 1, Norm.L2: 2}
BOTH = pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])


def smallest_steps(classifier, images, labels, norm):
    """min_j (z_y - z_j) / ||w_y - w_j||_dual, the closed form of a linear model, (N,)."""
    kernel = np.asarray(classifier.model.layers[-1].kernel, np.float64)
    logits = classifier.logits(images).astype(np.float64)
    steps = np.full(logits.shape, np.inf)
    for row, label in enumerate(labels):
        for j in set(range(logits.shape[1])) - {label}:
            length = np.linalg.norm(kernel[:, label] - kernel[:, j], DUAL[norm])
            steps[row, j] = (logits[row, label] - logits[row, j]) / length
    return steps.min(axis=1)


@BOTH
@pytest.mark.parametrize(
    ("name", "options", "num_classes"),
    [
        ("fgsm", {}, 2),
        ("pgd", {}, 2),
        ("pgd", {"steps": 40}, 3),
        ("apgd", {"steps": 20}, 2),
        ("apgd", {"steps": 40}, 3),
        ("apgd_t", {"steps": 20}, 3),
        ("apgd_t", {"steps": 20}, 7),
    ],
)
def test_linear_models_break_within_one_percent_of_the_closed_form(
    name, options, num_classes, norm
):
    classifier = tiny.linear(num_classes)
    images = tiny.images(8)
    labels = classifier.predict(images)
    for i, step in enumerate(smallest_steps(classifier, images, labels, norm)):
        one, key = slice(i, i + 1), Keys(0, np.array([i]))
        for share, broken in ((0.99, False), (1.01, True)):
            attack = make_attack(name, norm, share * step, options)
            result = attack(classifier, images[one], labels[one], key)
            assert result.success.tolist() == [broken], (step, share)


@BOTH
@pytest.mark.parametrize("seed", [0, 1])
def test_fgsm_breaks_no_image_that_pgd_leaves(norm, seed):
    classifier = tiny.conv(7, seed=seed)
    images = tiny.images(40, seed=seed)
    labels, keys = classifier.predict(images), Keys(0, np.arange(40))
    broken = 0
    for eps in np.array([0.01, 0.02, 0.04, 0.08]) * (1 if norm is Norm.LINF else 8):
        fgsm, pgd = (
            make_attack(name, norm, eps, {})(classifier, images, labels, keys).success
            for name in ("fgsm", "pgd")
        )
        assert not (fgsm & ~pgd).any()
        broken += fgsm.sum()
    assert broken > 0


def test_one_step_of_pgd_is_fgsm():
    classifier, images = tiny.conv(3), tiny.images(10)
    labels, keys = classifier.predict(images), Keys(0, np.arange(10))
    fgsm = make_attack("fgsm", Norm.LINF, 0.01, {})(classifier, images, labels, keys)
    pgd = make_attack("pgd", Norm.LINF, 0.01, {"steps": 1, "step_size": 0.25})(
        classifier, images, labels, keys
    )
    np.testing.assert_array_equal(fgsm.images, pgd.images)


@BOTH
@pytest.mark.parametrize("scale", [10.0, 100.0])
def test_larger_logits_change_nothing(norm, scale):
    images = tiny.images(100)
    labels, keys = tiny.conv(7).predict(images), Keys(0, np.arange(100))
    eps = {Norm.LINF: 0.005, Norm.L2: 0.03}[norm]
    robust = [
        (~make_attack("pgd", norm, eps, {})(tiny.conv(7, scale=s), images, labels, keys).success)
        for s in (1.0, scale)
    ]
    assert 0.1 < robust[0].mean() < 0.9
    assert abs(robust[0].mean() - robust[1].mean()) <= 0.01


def test_confident_logits_keep_a_gradient_that_cross_entropy_loses():
    classifier, images = tiny.conv(7, scale=1000.0), tiny.images(20)
    labels = classifier.predict(images)
    plain, scaled = (
        zero_gradients(classifier.input_gradients(images, labels, loss).gradient).sum()
        for loss in (Loss.CROSS_ENTROPY, Loss.SCALED_CROSS_ENTROPY)
    )
    assert plain > 0
    assert scaled == 0


def test_a_planted_example_is_found():
    """Zimmermann et al. 2022: a head that is wrong at one known point of each ball."""
    shape, eps, rng = (8, 8, 1), 0.05, np.random.default_rng(0)
    images = tiny.images(20, shape)
    planted = images + (eps * rng.choice((-1, 1), images.shape)).astype(np.float32)
    keras.utils.set_random_seed(3)
    pixels = keras.Input(shape)
    x = keras.layers.Conv2D(16, 3, activation="relu")(pixels)
    features = keras.Model(pixels, keras.layers.Flatten()(x))
    inner = images + rng.uniform(-eps, eps, images.shape).astype(np.float32)
    rows = np.concatenate([np.asarray(features(part)) for part in (images, inner, planted)])
    targets = np.repeat([-1.0, -1.0, 1.0], 20)
    mean = rows.mean(axis=0)
    weights = np.linalg.lstsq(rows - mean, targets, rcond=1e-4)[0]
    head = keras.layers.Dense(2)
    model = keras.Model(pixels, head(features.output))
    head.set_weights([np.stack([-weights, weights], 1), np.array([1, -1]) * (mean @ weights)])
    classifier = wrap(model, Contract(*shape, tiny.scheme(2)), model_id="planted")
    assert (classifier.predict(images) == 0).all() and (classifier.predict(planted) == 1).all()
    labels, keys = np.zeros(20, np.int64), Keys(0, np.arange(20))
    noise = make_attack("noise", Norm.LINF, eps, {})(classifier, images, labels, keys)
    assert noise.success.mean() < 0.5  # random search does not find it
    for name, options in (
        ("pgd", {"restarts": 2}),
        ("apgd", {"steps": 30}),
        ("apgd_t", {"steps": 30}),
        ("fmn", {"steps": 50}),
    ):
        found = make_attack(name, Norm.LINF, eps, options)(classifier, images, labels, keys)
        assert found.success.mean() >= 0.95, name


@BOTH
def test_noise_never_beats_the_attack(norm):
    classifier, images = tiny.conv(7), tiny.images(60)
    labels, keys = classifier.predict(images), Keys(0, np.arange(60))
    eps = {Norm.LINF: 0.03, Norm.L2: 0.2}[norm]
    noise, pgd = (
        make_attack(name, norm, eps, {})(classifier, images, labels, keys).success
        for name in ("noise", "pgd")
    )
    assert pgd.sum() > noise.sum()


@BOTH
def test_random_starts_hang_on_the_row(norm):
    """Without a gradient, images stay where the last restart put them."""
    images, order = tiny.images(12), np.random.default_rng(0).permutation(12)
    pgd = PGD(norm=norm, eps=0.1, steps=1, restarts=2)
    labels, keys = np.ones(12, np.int64), Keys(0, np.arange(50, 62))
    whole = pgd(tiny.constant(), images, labels, keys).images
    mixed = pgd(tiny.constant(), images[order], labels, keys.take(order)).images
    np.testing.assert_array_equal(mixed, whole[order])
    moved = distance(whole, images, norm)
    assert (moved > 0).all() and len(np.unique(moved)) == 12


def test_noise_has_exactly_the_size_of_the_attack():
    classifier, images = tiny.conv(3), tiny.images(5)
    labels, keys = classifier.predict(images), Keys(0, np.arange(5))
    for norm, eps in ((Norm.LINF, 0.03), (Norm.L2, 0.5)):
        noisy = make_attack("noise", norm, eps, {})(classifier, images, labels, keys).images
        assert distance(noisy, images, norm) == pytest.approx([eps] * 5, rel=1e-5)
    assert len({image.tobytes() for image in noisy - images}) == 5  # every row its own draw


def test_costs_are_counted_and_broken_images_leave():
    classifier, images = tiny.conv(7), tiny.images(50)
    labels, keys = classifier.predict(images), Keys(0, np.arange(50))
    result = PGD(norm=Norm.LINF, eps=0.02, steps=5, restarts=2)(classifier, images, labels, keys)
    stood = ~result.success
    assert 0 < stood.sum() < 50
    assert (result.cost.backward[stood] == 10).all()  # 5 steps, 2 restarts
    assert (result.cost.forward[stood] == 12).all()  # and one look at each last iterate
    assert (result.cost.forward[result.success] < 12).all()
    assert result.cost.forward.min() >= 2


def test_an_image_that_is_wrong_already_costs_one_pass():
    classifier, images = tiny.conv(7), tiny.images(3)
    wrong = (classifier.predict(images) + 1) % 7
    result = PGD(norm=Norm.LINF, eps=0.02)(classifier, images, wrong, Keys(0, np.arange(3)))
    assert result.success.all() and (result.cost.forward == 1).all()
    np.testing.assert_array_equal(result.images, images)


def test_more_restarts_break_no_less():
    classifier, images = tiny.conv(7), tiny.images(50)
    labels, keys = classifier.predict(images), Keys(0, np.arange(50))
    one, four = (
        PGD(norm=Norm.LINF, eps=0.01, steps=3, restarts=n)(classifier, images, labels, keys)
        for n in (1, 4)
    )
    assert not (one.success & ~four.success).any()


@pytest.mark.parametrize(
    ("option", "value"),
    [("steps", 0), ("restarts", 0), ("step_size", 0.0), ("step_size", 3.0), ("loss", "none")],
)
def test_wrong_options_are_refused(option, value):
    with pytest.raises(InputError, match=f"`{option}` must be"):
        PGD(norm=Norm.LINF, eps=0.1, **{option: value})


def test_steps_have_the_asked_length_and_stop_at_zero_gradients():
    gradient = np.array([[3.0, -4.0], [0.0, 0.0]], np.float32).reshape(2, 1, 2, 1)
    linf = steepest_step(gradient, 0.5, Norm.LINF).reshape(2, 2)
    l2 = steepest_step(gradient, 0.5, Norm.L2).reshape(2, 2)
    assert linf.tolist() == [[0.5, -0.5], [0, 0]]
    np.testing.assert_allclose(l2, [[0.3, -0.4], [0, 0]])  # (3, -4) / 5 / 2
    assert zero_gradients(gradient).tolist() == [0, 1]


def test_noise_under_l1_has_all_of_eps_on_few_pixels():
    images = tiny.images(20)
    noise = make_attack("noise", Norm.L1, 1.0, {})
    keys = Keys(0, np.arange(20))
    delta = noise(tiny.conv(3), images, np.zeros(20, np.int64), keys).images - images
    assert np.abs(delta).sum(axis=(1, 2, 3)) == pytest.approx(np.ones(20), rel=1e-5)
    changed = (delta != 0).sum(axis=(1, 2, 3))
    assert (changed <= 16).all() and (changed > 8).all()
    parts = np.abs(delta[delta != 0]) * 16
    np.testing.assert_allclose(parts, np.rint(parts), atol=1e-4)
    assert (delta > 0).any() and (delta < 0).any()
