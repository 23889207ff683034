"""APGD: its losses, checkpoints and step sizes by hand, inclusion of FGSM, strength."""

import numpy as np
import pytest

from attacks.apgd import APGD, TargetedAPGD
from attacks.apgd_ascent import Ascent, checkpoints
from attacks.base import Keys
from attacks.fgsm import FGSM
from attacks.pgd import PGD
from attacks.sparse_ascent import SparseAscent
from attacks.threat_model import Norm, project
from datasets.base.errors import InputError
from fer_models.losses import Loss
from tests.attacks import tiny

BOTH = pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])
EVERY = pytest.mark.parametrize("norm", list(Norm))


def setting(num_classes=7, count=40, **options):
    classifier, images = tiny.conv(num_classes, **options), tiny.images(count)
    return classifier, images, classifier.predict(images), Keys(0, np.arange(count))


def test_checkpoints_are_those_of_the_paper():
    # p: 0, .22, .41, .57, .70, .80, .87, .93, .99
    ends = [22, 41, 57, 70, 80, 87, 93, 99]
    assert list(checkpoints(100)) == ends
    assert list(checkpoints(100).values()) == [0, *ends[:-1]]
    assert list(checkpoints(10)) == [3, 5, 6, 7, 8, 9]  # ceil(10 p), each once
    assert checkpoints(1) == {}


@pytest.mark.parametrize(
    ("logits", "label", "target", "expected"),
    [
        # z_(1) - z_(3) = 5 - 2, z_(1) - (z_(3) + z_(4)) / 2 = 5 - 1.5
        ([5, 3, 2, 1], 0, None, (3 - 5) / 3),
        ([5, 3, 2, 1], 1, None, (5 - 3) / 3),
        ([5, 3, 2, 1], 0, 3, (1 - 5) / 3.5),
        ([5, 3, 2, 1], 2, 1, (3 - 2) / 3.5),
        ([5, 3, 2], 0, None, 3 - 5),  # margins below 4 classes (R16)
        ([5, 3, 2], 0, 2, 2 - 5),
        ([5, 3], 1, None, 5 - 3),
    ],
)
def test_difference_of_logits_ratio(logits, label, target, expected):
    values = np.array(logits, np.float32)
    classifier = tiny.FunctionClassifier(lambda x: x[:, :1, 0, 0] * 0 + values, len(logits))
    targets = None if target is None else np.array([target])
    found = classifier.input_gradients(tiny.images(1), np.array([label]), Loss.DLR, targets)
    assert found.loss == pytest.approx(expected)


@pytest.mark.parametrize("targets", [None, np.full(20, 6)])
def test_dlr_does_not_hang_on_the_scale_of_the_logits(targets):
    images, labels = tiny.images(20), np.arange(20) % 6
    one, thousand = (
        tiny.conv(7, scale=scale).input_gradients(images, labels, Loss.DLR, targets)
        for scale in (1.0, 1000.0)
    )
    np.testing.assert_allclose(one.loss, thousand.loss, rtol=1e-3)
    np.testing.assert_allclose(one.gradient, thousand.gradient, rtol=1e-2, atol=1e-3)


def test_a_loss_without_targets_refuses_them():
    with pytest.raises(ValueError, match="must be margin or dlr with `targets`"):
        labels = np.zeros(2, np.int64)
        tiny.conv(7).input_gradients(tiny.images(2), labels, Loss.CROSS_ENTROPY, labels)


def climb(losses, at):
    """One image of one pixel climbs; it is told these losses; its step after checkpoint `at`."""
    grey = np.full((1, 1, 1, 1), 0.5, np.float32)
    ascent = Ascent(grey, grey, 0.1, Norm.LINF)
    for step, loss in enumerate(losses):
        ascent.see(np.array([loss]), np.ones_like(grey))
        if step in at:
            ascent.adapt(at[step])
        ascent.move()
    return ascent


def test_steps_halve_when_the_loss_rises_too_seldom():
    assert climb([0, 1, 2, 3, 4], {4: 4})._size == [0.2]  # 4 rises of 4
    assert climb([0, 1, 2, 3, 3], {4: 4})._size == [0.2]  # 3 of 4 are 75 %
    assert climb([0, 1, 2, 2, 2], {4: 4})._size == [0.1]  # 2 of 4


def test_steps_halve_when_the_best_loss_stays():
    rises = [0, 9, 1, 2, 3, -1, 0, 1, 2]  # best 9 before both checkpoints; 3 rises of 4 in each
    assert climb(rises[:5], {4: 4})._size == [0.2]
    assert climb(rises, {4: 4, 8: 4})._size == [0.1]
    # halved at the first checkpoint: a plateau at the second is no reason any more
    assert climb([9, 0, 0, 0, 0, 1, 2, 3, 4], {4: 4, 8: 4})._size == [0.1]


def test_a_halved_ascent_goes_on_from_its_best_point():
    grey = np.full((1, 1, 1, 1), 0.5, np.float32)
    ascent = Ascent(grey, grey, 0.1, Norm.LINF)
    ascent.see(np.array([1.0]), np.ones_like(grey))
    ascent.move()
    assert ascent.points == pytest.approx(0.6)  # a step of 0.2, projected
    ascent.see(np.array([0.0]), -np.ones_like(grey))
    ascent.adapt(1)
    assert ascent.points == 0.5 and ascent.best == 0.5
    ascent.move()
    # from 0.5 by 0.75 (0.6 - 0.5) + 0.25 (0.5 - 0.5): the step is 0.1 now, along +1
    assert ascent.points == pytest.approx(0.575)


@BOTH
def test_two_steps_contain_fgsm(norm):
    classifier, images, labels, keys = setting()
    for eps in np.array([0.005, 0.01, 0.02]) * (1 if norm is Norm.LINF else 8):
        fgsm = FGSM(norm=norm, eps=eps)(classifier, images, labels, keys).success
        for steps in (1, 2, 30):
            apgd = APGD(norm=norm, eps=eps, steps=steps)(classifier, images, labels, keys)
            assert not (fgsm & ~apgd.success).any()
        assert fgsm.any()


@BOTH
def test_it_is_no_weaker_than_pgd_of_as_many_steps(norm):
    eps = {Norm.LINF: 0.006, Norm.L2: 0.035}[norm]
    counts = np.zeros(3, np.int64)
    for seed in (0, 1):
        classifier, images, labels, keys = setting(count=100, seed=seed)
        counts += [
            attack(norm=norm, eps=eps, steps=20)(classifier, images, labels, keys).success.sum()
            for attack in (PGD, APGD, TargetedAPGD)
        ]
    pgd, apgd, targeted = counts
    assert 40 < pgd < 160
    assert apgd >= pgd - 1 and targeted >= pgd - 1


@EVERY
@pytest.mark.parametrize("attack", [APGD, TargetedAPGD])
def test_larger_logits_change_nothing(attack, norm):
    eps = {Norm.LINF: 0.005, Norm.L2: 0.03, Norm.L1: 0.15}[norm]
    run = attack(norm=norm, eps=eps, steps=10)
    robust = []
    for scale in (1.0, 10.0, 100.0):
        classifier, images, labels, keys = setting(count=100, scale=scale)
        robust.append((~run(classifier, images, labels, keys).success).mean())
    assert 0.1 < robust[0] < 0.9
    assert np.ptp(robust) <= 0.01


def greedy_gain(images, slopes, eps):
    """How much a linear function can grow within L1 eps and [0, 1]: the steepest pixels first."""
    room = np.where(slopes > 0, 1 - images, images).reshape(len(images), -1).astype(np.float64)
    steepness = np.abs(slopes).reshape(len(images), -1).astype(np.float64)
    order = np.argsort(-steepness, axis=1)
    room, steepness = (np.take_along_axis(values, order, axis=1) for values in (room, steepness))
    spent = np.cumsum(room, axis=1)
    taken = np.clip(eps - (spent - room), 0, room)
    return (taken * steepness).sum(axis=1)


def margins(classifier, images, labels):
    return classifier.input_gradients(images, labels, Loss.MARGIN)


@pytest.mark.parametrize(
    ("attack", "loss"),
    [
        (APGD, Loss.SCALED_CROSS_ENTROPY),
        (APGD, Loss.CROSS_ENTROPY),
        (APGD, Loss.DLR),
        (TargetedAPGD, Loss.DLR),
    ],
)
@pytest.mark.parametrize("eps", [1.0, 3.3])
def test_under_l1_it_finds_the_optimum_of_a_linear_model(attack, loss, eps):
    classifier, images = tiny.linear(2, scale=0.3), tiny.images(40)
    uphill = np.sign(margins(classifier, images, np.zeros(40, np.int64)).gradient)
    far = np.linspace(-0.25, 0.25, 40, dtype=np.float32)[:, None, None, None]
    images = images + far * uphill  # some lie so deep in their class that eps cannot reach out
    labels = classifier.predict(images)
    clean = margins(classifier, images, labels)
    best = greedy_gain(images, clean.gradient, eps)
    stand = -clean.loss > best
    assert 5 < stand.sum() < 35
    keys = Keys(0, np.arange(40))
    result = attack(norm=Norm.L1, eps=eps, loss=loss)(classifier, images, labels, keys)
    gain = margins(classifier, result.images, labels).loss - clean.loss
    assert (gain[stand] >= 0.99 * best[stand]).all()
    reachable = -clean.loss < 0.99 * best
    assert result.success[reachable].all() and not result.success[stand].any()


def test_under_l1_it_beats_steps_in_the_steepest_pixel_and_noise():
    classifier, images, labels, keys = setting(count=60)
    result = APGD(norm=Norm.L1, eps=0.2, steps=30)(classifier, images, labels, keys)
    gradient = classifier.input_gradients(images, labels, Loss.MARGIN).gradient
    steepest = np.abs(gradient) == np.abs(gradient).max(axis=(1, 2, 3), keepdims=True)
    moved = project(images + 0.2 * steepest * np.sign(gradient), images, 0.2, Norm.L1)
    one_step = classifier.predict(moved) != labels
    assert 5 < one_step.sum() < result.success.sum() < 60


def test_a_sparse_step_moves_the_steepest_pixels_by_the_same_length():
    grey = np.full((1, 2, 5, 1), 0.5, np.float32)
    ascent = SparseAscent(grey, grey, 0.2)
    ascent.see(np.array([0.0]), np.arange(10, dtype=np.float32).reshape(grey.shape) - 5)
    ascent.move()  # a fifth of 10 pixels: those of slope -5 and one of the two of slope 4 and -4
    moved = (ascent.points - grey).ravel()
    np.testing.assert_allclose(moved[[0, 1, 9]], [-0.2 / 3, -0.2 / 3, 0.2 / 3], rtol=1e-5)
    assert np.count_nonzero(moved) == 3  # slopes of the same size move together


def test_a_sparse_ascent_shortens_its_step_when_the_best_point_gets_no_sparser():
    grey = np.full((1, 2, 5, 1), 0.5, np.float32)
    ascent = SparseAscent(grey, grey, 0.3)
    ascent.best = grey + np.where(np.arange(10) < 6, 0.05, 0).reshape(grey.shape).astype("f4")
    ascent.adapt(1)  # 6 pixels instead of 10 at the start: long steps of 6 / 1.5 = 4 pixels
    assert ascent._size == [0.3] and ascent._count == [4]
    for _ in range(8):
        ascent.adapt(1)  # 6 again: 0.3 / 1.5 = 0.2, 0.133, .. down to a tenth of eps
    assert ascent._size == pytest.approx([0.03])


def test_steps_under_l1_are_divided_among_three_balls():
    classifier, images, labels, keys = setting(count=4)
    for steps in (1, 2, 10, 25):
        result = APGD(norm=Norm.L1, eps=1e-6, steps=steps)(classifier, images, labels, keys)
        assert (result.cost.backward == steps).all() and (result.cost.forward == steps + 1).all()


def test_targets_are_the_likeliest_other_classes():
    logits = np.array([[1, 5, 3, 4]], np.float32)
    classifier = tiny.FunctionClassifier(lambda x: x[:, :1, 0, 0] * 0 + logits, 4)
    attack = TargetedAPGD(norm=Norm.LINF, eps=0.1, restarts=2)
    from attacks.base import Cost

    runs = list(attack._runs(classifier, tiny.images(1), np.array([1]), Cost.zeros(1)))
    assert [targets.tolist() for _, targets in runs] == [[3], [2], [0]] * 2
    starts = [start for start, _ in runs]
    assert starts[:3] == [0, 0, 0] and len(set(starts[3:])) == 3 and 0 not in starts[3:]


@pytest.mark.parametrize(("num_classes", "targets"), [(2, 1), (7, 6), (10, 9), (12, 9)])
def test_at_most_nine_targets(num_classes, targets):
    classifier, images, labels, keys = setting(num_classes, 4)
    result = TargetedAPGD(norm=Norm.LINF, eps=1e-6, steps=3)(classifier, images, labels, keys)
    assert (result.cost.backward == 3 * targets).all()
    assert (result.cost.forward == 1 + 4 * targets).all()  # clean logits; each last iterate


def test_fewer_targets_may_be_asked_for():
    classifier, images, labels, keys = setting(7, 4)
    run = TargetedAPGD(norm=Norm.LINF, eps=1e-6, steps=3, targets=2)
    assert (run(classifier, images, labels, keys).cost.backward == 6).all()
    with pytest.raises(InputError, match="`targets` must be at least 1"):
        TargetedAPGD(norm=Norm.LINF, eps=0.1, targets=0)


def test_costs_are_counted_and_broken_images_leave():
    classifier, images, labels, keys = setting(count=50)
    result = APGD(norm=Norm.LINF, eps=0.01, steps=8, restarts=2)(classifier, images, labels, keys)
    stood = ~result.success
    assert 0 < stood.sum() < 50
    assert (result.cost.backward[stood] == 16).all() and (result.cost.forward[stood] == 18).all()
    assert (result.cost.forward[result.success] < 18).all()


@pytest.mark.parametrize(("option", "value"), [("steps", 0), ("restarts", 0), ("loss", "none")])
def test_wrong_options_are_refused(option, value):
    with pytest.raises(InputError, match=f"`{option}` must be"):
        APGD(norm=Norm.LINF, eps=0.1, **{option: value})


def test_a_targeted_attack_needs_a_loss_with_targets():
    with pytest.raises(InputError, match="`loss` must be dlr or margin for apgd_t"):
        TargetedAPGD(norm=Norm.LINF, eps=0.1, loss=Loss.CROSS_ENTROPY)
