"""FMN: closed forms, the security curve from one run, and how it fits the sweep."""

import numpy as np
import pytest

from attacks.base import Keys
from attacks.fmn import FMN
from attacks.pgd import PGD
from attacks.registry import attack_spec
from attacks.sets.sweep import make_adversarial_set
from attacks.sets.task import AttackTask, CleanFaces
from attacks.threat_model import Norm, distance
from datasets.base.errors import InputError
from tests.attacks import tiny
from tests.attacks.test_gradient_attacks import smallest_steps

BOTH = pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])
LARGEST = {Norm.LINF: 0.3, Norm.L2: 2.0}


def setting(count=40, num_classes=7, **options):
    classifier, images = tiny.conv(num_classes, **options), tiny.images(count)
    return classifier, images, classifier.predict(images), Keys(0, np.arange(count))


@BOTH
@pytest.mark.parametrize("num_classes", [2, 3])
def test_distances_are_within_one_percent_of_a_linear_model_s(norm, num_classes):
    classifier, images = tiny.linear(num_classes), tiny.images(30)
    labels = classifier.predict(images)
    keys = Keys(0, np.arange(30))
    result = FMN(norm=norm, eps=LARGEST[norm])(classifier, images, labels, keys)
    assert result.success.all()
    found = distance(result.images, images, norm)
    closed = smallest_steps(classifier, images, labels, norm)
    assert (found >= closed * 0.999).all()
    assert (found <= closed * 1.01).all()


@BOTH
def test_the_curve_is_no_weaker_than_pgd_at_each_eps(norm):
    classifier, images, labels, keys = setting(80)
    result = FMN(norm=norm, eps=LARGEST[norm])(classifier, images, labels, keys)
    found = np.where(result.success, distance(result.images, images, norm), np.inf)
    for eps in np.array([0.004, 0.008, 0.016]) * (1 if norm is Norm.LINF else 6):
        pgd = PGD(norm=norm, eps=eps, steps=20)(classifier, images, labels, keys).success
        assert (found <= eps).sum() >= pgd.sum() - 1
    assert pgd.sum() > 0


@BOTH
def test_larger_logits_change_nothing(norm):
    sizes = []
    for scale in (1.0, 100.0):
        classifier, images, labels, keys = setting(scale=scale)
        result = FMN(norm=norm, eps=LARGEST[norm])(classifier, images, labels, keys)
        sizes.append(distance(result.images, images, norm))
    np.testing.assert_allclose(*sizes, rtol=0.01)


def test_one_run_fills_the_grid(tmp_path):
    classifier, images, labels, keys = setting()
    labels[0] = (labels[0] + 1) % 7  # wrong on clean
    grid = (0.002, 0.005, 0.01, 0.05)
    spec = attack_spec("fmn", Norm.LINF, grid, "tiny")
    task = AttackTask(classifier, CleanFaces(images, keys.row_ids, "f"), labels, spec)
    made = make_adversarial_set(task, tmp_path)
    alone = FMN(norm=Norm.LINF, eps=0.05)(classifier, images, labels, keys)
    found = distance(alone.images, images, Norm.LINF)
    assert made.smallest_eps[0] == 0
    for row in range(1, len(images)):
        if alone.success[row]:
            assert made.smallest_eps[row] == min(eps for eps in grid if eps >= found[row])
        else:
            assert np.isnan(made.smallest_eps[row])
    assert len(set(made.smallest_eps[1:])) >= 3
    assert made.backward[0] == 0 and (made.backward[1:] == 100).all()  # one run of 100 steps
    assert (made.seconds[:-1] == 0).all() and made.seconds[-1] > 0
    at = made.smallest_eps[made.image_rows]
    assert (distance(made.images[:], images[made.image_rows], Norm.LINF) <= at).all()


def test_what_stands_stays_clean():
    classifier, images, labels, keys = setting()
    result = FMN(norm=Norm.LINF, eps=0.003)(classifier, images, labels, keys)
    stood = ~result.success
    assert 0 < stood.sum() < 40
    np.testing.assert_array_equal(result.images[stood], images[stood])
    assert (result.cost.backward == 100).all() and (result.cost.forward == 101).all()


@pytest.mark.parametrize(("option", "value"), [("steps", 0), ("step_size", 0.0)])
def test_wrong_options_are_refused(option, value):
    with pytest.raises(InputError, match=f"`{option}` must be"):
        FMN(norm=Norm.LINF, eps=0.1, **{option: value})
