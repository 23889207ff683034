"""What every registered attack must do, for any classifier, image size and number of classes."""

import numpy as np
import pytest

from attacks.base import Keys
from attacks.registry import ART_ATTACKS, ATTACKS, make_attack
from attacks.threat_model import TOLERANCE, Norm, distance
from datasets.base.errors import InputError
from fer_models.classifier import ModelError
from tests.attacks import tiny

CASES = [(name, norm) for name, attack in ATTACKS.items() for norm in attack.norms]
GRADIENT = [(name, norm) for name, norm in CASES if ATTACKS[name].needs_gradients]
EPS = {Norm.LINF: 0.05, Norm.L2: 0.3, Norm.L1: 3.0}
FAR = {
    "boundary": 5.0,
    "zoo": 3.0,
    "simba": 2.0,
    "hop_skip_jump": 1.0,
    "patch": 1.0,
    "spatial": 1.0,
}
"""Eps of those that find nothing nearer with so few queries."""
BEYOND = {Norm.LINF: 8.5, Norm.L2: 8.5, Norm.L1: 64.5}
"""More than images of 8x8 allow: sqrt(64) = 8 under L2, 64 under L1."""
FEWER: dict[str, dict[str, float]] = {
    "apgd": {"steps": 6},
    "apgd_t": {"steps": 3},
    "apgd_chosen": {"steps": 3},
    "ensemble": {"steps": 3, "targeted_steps": 2, "minimal_steps": 3, "queries": 5},
    "ensemble_full": {"steps": 3, "targeted_steps": 2, "minimal_steps": 3, "queries": 5},
    "fmn": {"steps": 12},
    "square": {"queries": 30},
    "transfer": {"steps": 3},
    "deepfool": {"steps": 10},
    "cw_l2": {"steps": 5, "searches": 4},
    "cw_linf": {"steps": 3, "smallest_weight": 5.0},
    "elastic_net": {"steps": 10, "searches": 4},
    "hop_skip_jump": {"steps": 2, "queries": 20},
    "boundary": {"steps": 5},
    "simba": {"steps": 40},
    "zoo": {"steps": 10, "searches": 2},
    "one_pixel": {"steps": 3},
    "universal": {"passes": 2, "steps": 3},
    "patch": {"steps": 5},
    "spatial": {"grid": 3},
}
"""Settings that keep the suite fast; what it checks does not depend on them."""

every_attack = pytest.mark.parametrize(("name", "norm"), CASES)
at_length = pytest.mark.parametrize(
    ("name", "norm"),
    [
        pytest.param(*case, marks=[pytest.mark.slow] if ATTACKS[case[0]] in ART_ATTACKS else [])
        for case in CASES
    ],
)
"""All of them too, but ART's only among the slow tests; `test_art_bridge.py` has short ones."""


def eps_of(name, norm):
    return FAR.get(name, EPS[norm])


def attack(name, norm, eps=None, **options):
    settings = {**FEWER.get(name, {}), **options}
    return make_attack(name, norm, eps_of(name, norm) if eps is None else eps, settings)


def setting(classifier, count=24, shape=(8, 8, 1)):
    images = tiny.images(count, shape)
    return images, classifier.predict(images), Keys(1, np.arange(100, 100 + count))


def test_all_but_noise_take_gradients_or_search_by_answers():
    aimless = [
        name for name, kind in ATTACKS.items() if not (kind.needs_gradients or kind.by_answers)
    ]
    assert aimless == ["noise"]


def test_every_attack_says_in_words_what_it_is():
    titles = {kind.title for kind in ATTACKS.values()}
    assert len(titles) == len(ATTACKS)
    for kind in ATTACKS.values():
        assert kind.words and not kind.words.endswith(".")


@at_length
@pytest.mark.parametrize("num_classes", [2, 3, 7, 8, 10])
def test_budget_range_and_success(name, norm, num_classes):
    classifier = tiny.conv(num_classes)
    images, labels, keys = setting(classifier)
    result = attack(name, norm)(classifier, images, labels, keys)
    assert result.images.dtype == np.float32 and result.images.shape == images.shape
    assert result.images.min() >= 0 and result.images.max() <= 1
    assert distance(result.images, images, norm).max() <= eps_of(name, norm) * (1 + TOLERANCE)
    np.testing.assert_array_equal(result.success, classifier.predict(result.images) != labels)
    assert all((count >= 0).all() and len(count) == len(images) for count in result.cost)


@at_length
@pytest.mark.parametrize("shape", [(28, 28, 1), (12, 10, 3)])
def test_other_image_sizes(name, norm, shape):
    classifier = tiny.conv(3, shape)
    images, labels, keys = setting(classifier, 6, shape)
    result = attack(name, norm)(classifier, images, labels, keys)
    assert 0 < distance(result.images, images, norm).max() <= eps_of(name, norm) * (1 + TOLERANCE)


@at_length
def test_pixels_at_the_edge_of_the_range_stay_inside(name, norm):
    classifier = tiny.conv(3)
    images = np.rint(tiny.images(8)).astype(np.float32)
    result = attack(name, norm)(
        classifier, images, classifier.predict(images), Keys(0, np.arange(8))
    )
    assert result.images.min() >= 0 and result.images.max() <= 1


@every_attack
def test_eps_zero_returns_the_input_bit_for_bit(name, norm):
    classifier = tiny.conv(3)
    images, labels, keys = setting(classifier)
    result = attack(name, norm, 0.0)(classifier, images, labels, keys)
    assert result.images.tobytes() == images.tobytes()
    assert not result.success.any() and not result.cost.forward.any()


@at_length
def test_same_seed_same_images(name, norm):
    classifier = tiny.conv(3)
    images, labels, keys = setting(classifier)
    first, second = (attack(name, norm)(classifier, images, labels, keys) for _ in range(2))
    assert first.images.tobytes() == second.images.tobytes()
    assert (first.success == second.success).all()


@at_length
@pytest.mark.parametrize("size", [1, 7, 64])
def test_rows_do_not_hang_on_their_batch(name, norm, size):
    if ATTACKS[name].universal:
        pytest.skip("one perturbation serves a whole batch")
    classifier = tiny.conv(3)
    images, labels, keys = setting(classifier, 64)
    options = {"restarts": 2} if name in ("pgd", "apgd") else {}
    run = attack(name, norm, **options)
    whole = run(classifier, images, labels, keys)
    order = np.random.default_rng(0).permutation(64)
    parts = [order[i : i + size] for i in range(0, 64, size)]
    found = [run(classifier, images[rows], labels[rows], keys.take(rows)) for rows in parts]
    flags = np.concatenate([result.success for result in found])
    assert (flags == whole.success[order]).all()
    if not ATTACKS[name].needs_gradients and not ATTACKS[name].minimal:
        moved = np.concatenate([result.images for result in found])
        np.testing.assert_array_equal(moved, whole.images[order])


@every_attack
def test_no_images_at_all(name, norm):
    result = attack(name, norm)(
        tiny.conv(3), tiny.images(0), np.empty(0, np.int64), Keys(0, np.empty(0, np.int64))
    )
    assert len(result.images) == len(result.success) == 0


@at_length
def test_a_constant_model_is_never_broken(name, norm):
    classifier = tiny.constant()
    images, labels, keys = setting(classifier)
    result = attack(name, norm)(classifier, images, labels, keys)
    assert not result.success.any()
    np.testing.assert_array_equal(result.cost.zero_gradients, result.cost.backward)


@every_attack
def test_a_model_that_answers_nan_is_an_error(name, norm):
    images = tiny.images(4)
    with pytest.raises(ModelError, match="NaN"):
        attack(name, norm)(
            tiny.not_a_number(), images, np.zeros(4, np.int64), Keys(0, np.arange(4))
        )


@every_attack
def test_a_model_that_raises_is_heard(name, norm):
    with pytest.raises(RuntimeError, match="this model is broken"):
        attack(name, norm)(
            tiny.raising(), tiny.images(4), np.zeros(4, np.int64), Keys(0, np.arange(4))
        )


@every_attack
@pytest.mark.parametrize("label", [-1, 3])
def test_labels_out_of_range_are_refused(name, norm, label):
    labels = np.array([0, 1, label, 2])
    with pytest.raises(InputError, match=rf"labels must be in \[0, 3\).*got {label} for row 12"):
        attack(name, norm)(tiny.conv(3), tiny.images(4), labels, Keys(0, np.arange(10, 14)))


@every_attack
def test_images_outside_the_range_are_refused(name, norm):
    with pytest.raises(ValueError, match=r"must be in \[0, 1\]"):
        attack(name, norm)(
            tiny.conv(3), tiny.images(2) * 255, np.zeros(2, np.int64), Keys(0, np.arange(2))
        )


@every_attack
def test_rows_must_match(name, norm):
    with pytest.raises(ValueError, match="one row each"):
        attack(name, norm)(
            tiny.conv(3), tiny.images(2), np.zeros(3, np.int64), Keys(0, np.arange(2))
        )


@every_attack
def test_eps_beyond_the_image_is_refused(name, norm):
    with pytest.raises(InputError, match="`eps` must be in"):
        run = attack(name, norm, BEYOND[norm])
        run(tiny.conv(3), tiny.images(2), np.zeros(2, np.int64), Keys(0, np.arange(2)))


@pytest.mark.parametrize(("name", "norm"), GRADIENT)
def test_a_black_box_has_no_gradients(name, norm):
    with pytest.raises(InputError, match=f"{name} needs gradients and black_box has none"):
        attack(name, norm)(
            tiny.BlackBox(), tiny.images(2), np.zeros(2, np.int64), Keys(0, np.arange(2))
        )


@pytest.mark.parametrize(("name", "norm"), sorted(set(CASES) - set(GRADIENT)))
def test_a_black_box_suffices(name, norm):
    classifier = tiny.BlackBox()
    images, labels, keys = setting(classifier, 4)
    assert len(attack(name, norm)(classifier, images, labels, keys).success) == 4


@pytest.mark.parametrize("name", ATTACKS)
def test_norms_an_attack_lacks_are_refused(name):
    for norm in set(Norm) - set(ATTACKS[name].norms):
        with pytest.raises(InputError, match="`norm` must be"):
            make_attack(name, norm, 0.1, {})


@every_attack
@pytest.mark.parametrize("eps", [-0.1, float("nan"), float("inf")])
def test_wrong_eps_is_refused_when_built(name, norm, eps):
    with pytest.raises(InputError, match="`eps` must be"):
        attack(name, norm, eps)
