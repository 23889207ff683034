"""DeepFool: exact distances of linear models, costs, limits, and how it fits the sweep."""

import numpy as np
import pytest

from attacks.base import Keys
from attacks.deepfool import LEAST, SHORTENING, DeepFool
from attacks.fgsm import FGSM
from attacks.registry import attack_spec
from attacks.sets.sweep import make_adversarial_set
from attacks.sets.task import AttackTask, CleanFaces
from attacks.threat_model import Norm, distance
from datasets.base.errors import InputError
from tests.attacks import tiny
from tests.attacks.test_gradient_attacks import smallest_steps

BOTH = pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])
LARGEST = {Norm.LINF: 0.3, Norm.L2: 3.0}


def setting(count=40, num_classes=7):
    classifier, images = tiny.conv(num_classes), tiny.images(count)
    return classifier, images, classifier.predict(images), Keys(0, np.arange(count))


def run(norm, eps=None, count=40, **options):
    attack = DeepFool(norm=norm, eps=LARGEST[norm] if eps is None else eps, **options)
    return attack(*setting(count))


@BOTH
@pytest.mark.parametrize("num_classes", [2, 4])
def test_one_step_finds_the_exact_distance_of_a_linear_model(norm, num_classes):
    """The nearest boundary is min over j of (z_y - z_j) / ||w_y - w_j||, in the dual norm."""
    classifier, images = tiny.linear(num_classes), tiny.images(30)
    labels = classifier.predict(images)
    attack = DeepFool(norm=norm, eps=LARGEST[norm], steps=1)
    result = attack(classifier, images, labels, Keys(0, np.arange(30)))
    assert result.success.all() and (result.cost.backward == num_classes - 1).all()
    found = distance(result.images, images, norm)
    closed = smallest_steps(classifier, images, labels, norm)
    assert (found >= closed * 0.9999).all()
    least = 1.1 * LEAST * LARGEST[norm]  # of those that are nearly on the boundary
    assert (found <= closed * 1.002 + least).all()  # the overshoot of 2 % is cut off again


@BOTH
def test_it_needs_smaller_changes_than_one_gradient_step(norm):
    classifier, images, labels, keys = setting()
    found = distance(run(norm).images, images, norm)
    for share in (0.5, 0.9):
        eps = float(np.quantile(found, share))
        step = FGSM(norm=norm, eps=eps)(classifier, images, labels, keys).success
        assert (found <= eps).sum() >= step.sum()
        assert not (step & (found > 1.1 * eps)).any()


@BOTH
def test_the_change_is_cut_back_to_the_boundary(norm):
    classifier, images, labels, _ = setting()
    result = run(norm, overshoot=0.5)
    assert result.success.all()
    shorter = images + 0.97 * (result.images - images)
    assert (classifier.predict(shorter) == labels).mean() > 0.9


@BOTH
def test_points_stay_within_eps_and_what_is_unbroken_is_clean(norm):
    images = tiny.images(40)
    sizes = distance(run(norm).images, images, norm)
    eps = float(np.median(sizes))
    near = run(norm, eps)
    assert near.success[sizes <= eps].all() and 0 < near.success.sum() < 40
    np.testing.assert_array_equal(near.images[~near.success], images[~near.success])


@BOTH
def test_broken_images_cost_no_more_steps(norm):
    result = run(norm, candidates=2)
    steps = result.cost.backward // 2
    assert len(set(steps)) > 1 and steps.max() < 20
    # the clean image, two passes per step, those that shorten
    np.testing.assert_array_equal(result.cost.forward, 1 + 2 * steps + SHORTENING)


def test_an_image_that_is_wrong_already_costs_one_pass():
    classifier, images, labels, keys = setting(6)
    result = DeepFool(norm=Norm.L2, eps=1.0)(classifier, images, (labels + 1) % 7, keys)
    assert result.success.all() and (result.cost.forward == 1).all()
    np.testing.assert_array_equal(result.images, images)


def test_a_model_without_gradients_to_follow_costs_one_step():
    classifier, images = tiny.constant(), tiny.images(4)
    labels = classifier.predict(images)
    result = DeepFool(norm=Norm.LINF, eps=0.1)(classifier, images, labels, Keys(0, np.arange(4)))
    assert not result.success.any()
    assert (result.cost.backward == 2).all() and (result.cost.zero_gradients == 2).all()


def test_one_run_fills_the_grid(tmp_path):
    classifier, images, labels, keys = setting()
    grid = (0.002, 0.005, 0.01, 0.3)
    spec = attack_spec("deepfool", Norm.LINF, grid, "tiny")
    task = AttackTask(classifier, CleanFaces(images, keys.row_ids, "f"), labels, spec)
    made = make_adversarial_set(task, tmp_path)
    found = distance(run(Norm.LINF).images, images, Norm.LINF)
    expected = [min(eps for eps in grid if eps >= size) for size in found]
    np.testing.assert_array_equal(made.smallest_eps, expected)
    assert len(set(expected)) >= 3


@pytest.mark.parametrize(
    ("option", "value"), [("steps", 0), ("candidates", 0), ("overshoot", 0.0), ("overshoot", 1.5)]
)
def test_wrong_options_are_refused(option, value):
    with pytest.raises(InputError, match=f"`{option}` must be"):
        DeepFool(norm=Norm.LINF, eps=0.1, **{option: value})
