"""Attacks through ART: what is particular to them, each once on a tiny net."""

import random

import numpy as np
import pytest
from keras import ops

from attacks.art_bridge.estimator import Estimator
from attacks.art_bridge.gradient import JSMA, CarliniWagnerL2
from attacks.art_bridge.spent import Spent
from attacks.art_bridge.universal import Patch, Universal
from attacks.base import Keys
from attacks.broken import STOP_LEAD, broken
from attacks.registry import ART_ATTACKS, ATTACKS, make_attack
from attacks.threat_model import TOLERANCE, Norm, distance
from datasets.base.errors import InputError
from fer_models.losses import Loss
from fer_models.wrapped_classifier import WrappedClassifier
from tests.attacks import tiny
from tests.attacks.test_conformance import FEWER

WIDE = {Norm.LINF: 0.5, Norm.L2: 4.0, Norm.L1: 12.0}
CASES = [(kind, norm) for kind in ART_ATTACKS for norm in kind.norms]
WHOLE = {"spatial": 1.0, "patch": 1.0}
"""Eps of those that change what they touch at will."""
LEAST = {"cw_linf": 0.8, "spatial": 0.5, "universal": 0.3, "patch": 0.0, "one_pixel": 0.5}
"""Share broken, where so few steps do not break nearly all."""


def setting(count=6, num_classes=3, shape=(8, 8, 1)):
    classifier, images = tiny.conv(num_classes, shape), tiny.images(count, shape)
    return classifier, images, classifier.predict(images), Keys(0, np.arange(count))


@pytest.mark.parametrize(("kind", "norm"), CASES)
def test_breaks_within_its_budget_and_again_alike(kind, norm):
    classifier, images, labels, keys = setting()
    eps = WHOLE.get(kind.name, WIDE[norm])
    run = make_attack(kind.name, norm, eps, FEWER.get(kind.name, {}))
    before = random.getstate(), np.random.get_state()[1].copy()
    result = run(classifier, images, labels, keys)
    assert random.getstate() == before[0]
    assert (np.random.get_state()[1] == before[1]).all()
    assert result.success.mean() >= LEAST.get(kind.name, 0.9)
    assert (result.cost.forward > 1).all()
    assert (result.cost.backward > 0).all() == kind.needs_gradients
    sizes = distance(result.images, images, norm)
    assert sizes.max() <= eps * (1 + TOLERANCE)
    if kind.minimal:
        np.testing.assert_array_equal(sizes > 0, result.success)
    again = run(classifier, images, labels, keys)
    np.testing.assert_array_equal(again.images, result.images)
    if not kind.together:
        alone = run(classifier, images[2:3], labels[2:3], keys.take(slice(2, 3)))
        assert alone.success[0] == result.success[2]


def test_beyond_eps_nothing_counts():
    classifier, images, labels, keys = setting(12)
    wide = CarliniWagnerL2(norm=Norm.L2, eps=4.0, steps=5, searches=4)(
        classifier, images, labels, keys
    )
    sizes = distance(wide.images, images, Norm.L2)
    eps = float(np.median(sizes))
    near = CarliniWagnerL2(norm=Norm.L2, eps=eps, steps=5, searches=4)(
        classifier, images, labels, keys
    )
    np.testing.assert_array_equal(near.success, sizes <= eps)
    assert 0 < near.success.sum() < 12
    np.testing.assert_array_equal(near.images[~near.success], images[~near.success])


def test_images_that_are_wrong_already_stay_as_they_are():
    classifier, images, labels, keys = setting()
    labels[:3] = (labels[:3] + 1) % 3
    result = CarliniWagnerL2(norm=Norm.L2, eps=2.0, steps=2, searches=2)(
        classifier, images, labels, keys
    )
    np.testing.assert_array_equal(result.images[:3], images[:3])
    assert result.success[:3].all()
    assert result.cost.forward[:3].tolist() == [1, 1, 1]
    assert (result.cost.forward[3:] > 1).all()


def test_a_universal_perturbation_is_one_for_all():
    classifier, images, labels, keys = setting(10)
    result = Universal(norm=Norm.LINF, eps=0.1, passes=2)(classifier, images, labels, keys)
    changes = result.images - images
    np.testing.assert_allclose(changes, changes[:1].repeat(10, axis=0), atol=1e-6)
    assert np.abs(changes).max() > 0.01


def test_targets():
    classifier, images, labels, keys = setting(10)
    target = int(np.bincount(labels, minlength=3).argmin())
    away = labels != target
    run = Universal(norm=Norm.LINF, eps=0.3, passes=3, target=target)
    result = run(classifier, images[away], labels[away], keys.take(away))
    assert (classifier.predict(result.images) == target).mean() > 0.5
    patch = Patch(norm=Norm.LINF, eps=1.0, size=0.9, steps=10, target=target)
    result = patch(classifier, images[away], labels[away], keys.take(away))
    assert (classifier.predict(result.images) == target).mean() > 0.5
    for kind in (Universal, Patch):
        with pytest.raises(InputError, match=r"`target` must be in \[0, 3\); got 3"):
            kind(norm=Norm.LINF, eps=0.3, target=3)(classifier, images, labels, keys)


def test_a_patch_covers_a_part_only():
    classifier, images, labels, keys = setting(4, shape=(20, 20, 1))
    run = Patch(norm=Norm.LINF, eps=1.0, size=0.4, steps=3)
    changed = run(classifier, images, labels, keys).images != images
    share = changed.mean(axis=(1, 2, 3))
    assert (share > 0.02).all() and (share < 0.25).all()  # at most 8 x 8 of 20 x 20: 0.16
    assert not np.array_equal(changed[0], changed[1])  # each at its own place


def test_jsma_brightens_few_pixels():
    classifier, images, labels, keys = setting()
    result = JSMA(norm=Norm.L1, eps=12.0)(classifier, images, labels, keys)
    changed = (result.images != images).sum(axis=(1, 2, 3))
    assert (changed <= 0.2 * 64 + 2).all()
    assert (result.images >= images).all()


@pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])
def test_hop_skip_jump_ends_at_the_boundary(norm):
    """ART's last step goes beyond; its way back is ours. A linear net has no second boundary."""
    classifier, images = tiny.linear(3), tiny.images(6)
    labels, keys = classifier.predict(images), Keys(0, np.arange(6))
    run = make_attack("hop_skip_jump", norm, 8.0 if norm is Norm.L2 else 1.0, {"steps": 4})
    result = run(classifier, images, labels, keys)
    assert result.success.all()
    change = result.images - images
    bound = 0.98 * np.abs(change).max(axis=(1, 2, 3), keepdims=True)
    nearer = np.clip(change, -bound, bound) if norm is Norm.LINF else 0.98 * change
    np.testing.assert_array_equal(classifier.predict(images + nearer), labels)


@pytest.mark.parametrize("name", ["hop_skip_jump", "boundary"])
def test_decision_attacks_start_where_white_noise_has_the_images_own_class(name):
    """Two halves of white noise are equally bright: their difference is 7 standard deviations."""

    def logits(pixels):
        sides = ops.mean(pixels[:, :, :8], axis=(1, 2, 3)) - ops.mean(pixels[:, :, 8:], (1, 2, 3))
        return ops.stack([0 * sides + 0.25, sides], axis=1)

    classifier, images = tiny.FunctionClassifier(logits, 2), tiny.images(3, (16, 16, 1))
    white = np.random.default_rng(0).uniform(0, 1, (1000, 16, 16, 1)).astype(np.float32)
    assert not classifier.predict(white).any()
    labels = np.zeros(3, np.int64)
    run = make_attack(name, Norm.L2, 10.0, FEWER[name])
    assert run(classifier, images, labels, Keys(0, np.arange(3))).success.all()


def test_arts_classifier_gives_our_gradients():
    classifier, images, labels, _ = setting()
    spent = Spent()
    estimator = Estimator(classifier, (8, 8, 1), spent)
    gradients = estimator.class_gradient(images)
    assert gradients.shape == (6, 3, 8, 8, 1)
    targets = (labels + 1) % 3
    margin = classifier.input_gradients(images, labels, Loss.MARGIN, targets).gradient
    rows = np.arange(6)
    np.testing.assert_allclose(
        gradients[rows, targets] - gradients[rows, labels], margin, atol=1e-5
    )
    np.testing.assert_array_equal(
        estimator.class_gradient(images, label=labels)[:, 0], gradients[rows, labels]
    )
    assert (spent.forward, spent.backward, spent.zero_gradients) == (24, 24, 0)
    np.testing.assert_array_equal(estimator.predict(images + 5), estimator.predict(images * 0 + 1))
    assert spent.share(5).forward.tolist() == [8] * 5  # 24 + 2 * 6 = 36 rows; 36 / 5 rounded up


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("cw_l2", {"steps": 0}, "`steps` must be more than 0 .* for cw_l2; got 0"),
        ("patch", {"size": -0.1}, "`size` must be at least 0.05"),
        ("patch", {"size": 5}, "`size` must be at least 0.05 and at most 1 for patch; got 5"),
        ("patch", {"size": 1e-9}, "`size` must be at least 0.05"),
        ("patch", {"rotation": 720}, "`rotation` must be more than 0 and at most 180"),
        ("spatial", {"shift": 200}, "`shift` must be more than 0 and at most 100"),
        ("jsma", {"share": 5}, "`share` must be more than 0 and at most 1 for jsma; got 5"),
        ("hop_skip_jump", {"queries": 10_001}, "`queries` must be .* at most 10000"),
        ("one_pixel", {"pixels": 99_999}, "`pixels` must be .* at most 1000"),
        ("zoo", {"weight": 1e300}, "`weight` must be more than 0 and at most 1e\\+06"),
        ("cw_linf", {"largest_weight": float("inf")}, "`largest_weight` must be .* got inf"),
        ("zoo", {"colour": 1}, "zoo has no option 'colour'"),
    ],
)
def test_wrong_settings_are_refused(name, options, words):
    with pytest.raises(InputError, match=words):
        make_attack(name, ATTACKS[name].norms[0], 0.1, options)


def test_a_patch_of_the_least_size_is_learnt():
    classifier, images, labels, keys = setting(2, shape=(48, 48, 1))
    Patch(norm=Norm.LINF, eps=1.0, size=Patch.limits["size"][0], steps=1)(
        classifier, images, labels, keys
    )


@pytest.mark.parametrize("budget", [100, 130, 400, 900])
@pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])
def test_hop_skip_jump_keeps_its_budget_and_the_nearest_image_of_all_queries(norm, budget):
    asked = []

    class Counting(WrappedClassifier):
        def _batch_logits(self, images):
            asked.extend(images.copy())
            return self.inner.logits(images)

    linear = tiny.linear(3)
    classifier, images = Counting(linear), tiny.images(1)
    labels, eps = linear.predict(images), 8.0 if norm is Norm.L2 else 1.0
    options = {"steps": 10, "queries": 30, "budget": budget}
    result = make_attack("hop_skip_jump", norm, eps, options)(
        classifier, images, labels, Keys(0, np.arange(1))
    )
    assert len(asked) - 1 <= budget  # the base judges the result with one more
    assert 1 < result.cost.forward[0] <= budget
    assert result.success.all()
    queried = np.stack(asked[:-1])
    wrong = queried[broken(linear.logits(queried), np.repeat(labels, len(queried)), STOP_LEAD)]
    nearest = distance(wrong, images, norm).min()
    assert distance(result.images, images, norm)[0] <= nearest * (1 + 1e-5)
