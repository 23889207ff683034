"""When an image counts as broken."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from keras import ops

from attacks.base import Keys
from attacks.broken import (
    COARSEST,
    LEAD,
    OFFSET,
    STOP_LEAD,
    broken,
    check_resolution,
    confirmed,
    targets_of,
)
from attacks.registry import make_attack
from attacks.threat_model import Norm
from datasets.base.errors import InputError
from tests.attacks import tiny

NONE = np.zeros(1, np.int64)
MASKS = (-1e4, -65504.0, -4e5, -1e9, float(np.finfo(np.float32).min))
"""Logits in use for classes that a model does not know; float16 ends at -65504."""


def breaks(*logits, lead=LEAD):
    """Whether a row whose label is class 0 is broken."""
    return bool(broken(np.array([logits], np.float64), NONE, lead)[0])


def test_another_class_must_lead_by_a_share_of_the_scale():
    """The median of 0, x, -100 and -200 is -50: from there the leading x > 0 is 50 away."""
    assert not breaks(0, 0, -100, -200)  # a tie
    assert not breaks(0, 0.99 * LEAD * 50, -100, -200)
    assert breaks(0, 1.01 * LEAD * 50, -100, -200)
    assert not breaks(0, 1.99 * LEAD * 50, -100, -200, lead=STOP_LEAD)
    assert breaks(0, 2.01 * LEAD * 50, -100, -200, lead=STOP_LEAD)
    assert not breaks(1, -1, -2)  # the label leads


def test_the_scale_is_measured_from_the_median():
    """Of 7 logits around 1000 the median is 900: the scale is 100, or 200 by `OFFSET`."""
    assert OFFSET == 0.2
    others = (900, 900, 900, 800, 800)
    assert not breaks(1000, 1000 + 0.99 * LEAD * 200, *others)
    assert breaks(1000, 1000 + 1.01 * LEAD * 200, *others)
    others = (500, 500, 500, 0, 0)  # from 500 it is 500, which is more than 200
    assert not breaks(1000, 1000 + 0.99 * LEAD * 500, *others)
    assert breaks(1000, 1000 + 1.01 * LEAD * 500, *others)


def test_two_classes_need_a_lead_that_float32_can_tell():
    """Their median is half way between them, so `OFFSET` decides: 1e-5 * 0.2 * 100 = 2e-4."""
    assert not breaks(100, 100 + 1.9e-4)
    assert breaks(100, 100 + 2.1e-4)
    assert 16 * np.spacing(np.float32(100)) < 2e-4


@given(
    arrays(np.float32, (6, 7), elements=st.integers(-20, 20).map(float)),
    arrays(np.int64, 6, elements=st.integers(0, 6)),
    st.sampled_from([-1e4, -37.0, 5.0, 1e3, 1e4]),
)
def test_a_constant_added_to_all_logits_changes_nothing(logits, labels, constant):
    moved = logits + np.float32(constant)
    np.testing.assert_array_equal(broken(moved, labels), broken(logits, labels))
    wrong = logits.max(axis=1) > logits[np.arange(6), labels]
    np.testing.assert_array_equal(broken(moved, labels, STOP_LEAD), wrong)


def test_a_factor_changes_nothing():
    logits = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float32)
    labels = np.arange(50) % 7
    for factor in (1e-6, 0.1, 1e4, 1e6):
        scaled = (logits * factor).astype(np.float32)
        np.testing.assert_array_equal(broken(scaled, labels), broken(logits, labels))


def test_a_masked_class_does_not_decide():
    logits = np.array([[1, 2, 0, -1e9], [2, 1, 0, -1e9]], np.float32)
    assert broken(logits, np.zeros(2, np.int64)).tolist() == [True, False]
    assert broken(np.empty((0, 3), np.float32), np.empty(0, np.int64)).tolist() == []


@pytest.mark.parametrize("mask", MASKS)
def test_masked_classes_do_not_set_the_scale_however_many_they_are(mask):
    """Of 9 classes 5 are masked; the median of 0, x, -10 and -20 is -5, so the scale is 5."""
    others = (-10, -20, *[mask] * 5)
    assert not breaks(0, 0.99 * LEAD * 5, *others)
    assert breaks(0, 1.01 * LEAD * 5, *others)
    assert not breaks(100, 100 + 1.9e-4, *[mask] * 5)  # of two classes, as above
    assert breaks(100, 100 + 2.1e-4, *[mask] * 5)


@given(
    arrays(np.float32, (6, 3), elements=st.integers(-20, 20).map(float)),
    st.lists(st.sampled_from(MASKS), min_size=1, max_size=6),
    st.sampled_from([-1e3, 0.0, 37.0, 1e3]),
)
def test_masked_classes_change_nothing(logits, masks, constant):
    labels = np.arange(6) % 3
    wider = np.concatenate([logits + np.float32(constant), np.tile(masks, (6, 1))], axis=1)
    np.testing.assert_array_equal(broken(wider, labels), broken(logits, labels))


def with_masks(net, count, mask):
    """The net with more classes, all at one logit."""

    def logits(pixels):
        answers = net.symbolic_logits(pixels)
        masked = ops.full((ops.shape(pixels)[0], count), mask)
        return ops.concatenate([answers, masked], axis=1)

    return tiny.FunctionClassifier(logits, net.scheme.num_classes + count)


def fallen_of(plain, wider, images, name, eps):
    """How many images an attack breaks, on a net and on the same with more classes."""
    labels, keys = plain.predict(images), Keys(0, np.arange(len(images)))
    attack = make_attack(name, Norm.LINF, eps, {})
    return [attack(one, images, labels, keys).success.sum() for one in (plain, wider)]


@pytest.mark.parametrize(("count", "mask"), [(1, -1e9), (4, -4e5), (5, -65504.0)])
@pytest.mark.parametrize(
    "name", ["fgsm", "pgd", "apgd", "apgd_t", "apgd_chosen", "fmn", "deepfool"]
)
def test_masked_classes_hide_nothing(name, count, mask):
    """See `attacks/broken.py`: they set neither the lead nor the scale of a loss."""
    plain, images = tiny.conv(3), tiny.images(12)
    fallen = fallen_of(plain, with_masks(plain, count, mask), images, name, eps=0.05)
    assert fallen[1] >= fallen[0] - 1 and fallen[1] > 3


@pytest.mark.parametrize("name", ["fgsm", "pgd", "apgd"])
@pytest.mark.parametrize("far", [-60.0, -1e3])
def test_a_class_far_below_the_others_hides_little(name, far):
    """It is not masked, but does not set the range of the loss: 3 to 5 fewer fell when it did."""
    plain, images = tiny.linear(7), tiny.images(60)
    fallen = fallen_of(plain, with_masks(plain, 1, far), images, name, eps=0.01)
    assert fallen[1] >= fallen[0] - 2 and fallen[0] > 40


def test_masked_classes_are_no_targets():
    logits = np.array([[1, 5, -4e5, 4], [-1e9, 2, -1e9, 3]], np.float32)
    assert targets_of(logits, np.array([1, 1]), 9).tolist() == [[3, 0, -1], [3, -1, -1]]
    assert targets_of(logits, np.array([1, 1]), 1).tolist() == [[3], [3]]


@pytest.mark.parametrize("name", ["apgd_t", "apgd_chosen"])
def test_nothing_is_spent_on_masked_targets(name):
    net, images, keys = tiny.conv(3), tiny.images(4), Keys(0, np.arange(4))
    attack = make_attack(name, Norm.LINF, 1e-6, {"steps": 6})
    spent = [
        attack(classifier, images, net.predict(images), keys).cost
        for classifier in (net, with_masks(net, 4, -65504.0))
    ]
    np.testing.assert_array_equal(*(cost.backward for cost in spent))


def test_logits_that_float32_blurs_are_refused():
    """At 1e6 float32 has steps of 0.0625: more than a thousandth of 3 - 1 = 2, as at 1e4 not."""
    logits = np.tile(np.arange(4, dtype=np.float32), (5, 1))  # the median is 1.5, the largest 3
    check_resolution("net", logits - np.float32(1e4))
    check_resolution("net", 1e6 * logits)
    check_resolution("constant", np.full((5, 4), 1e6, np.float32))
    far = logits - np.float32(1e6)
    masked = np.concatenate([far, np.full((5, 5), -1e9, np.float32)], axis=1)
    for each in (far, masked):
        with pytest.raises(InputError, match=r"net: its logits are near -1e\+06, .* of 0\.062"):
            check_resolution("net", each)


def test_small_logits_far_from_0_are_refused_when_most_images_have_them():
    """At 1e5 the step is 0.0078, the scale 0.15; 21 of 41 images are just more than half."""
    logits = np.tile(np.arange(4, dtype=np.float32) / 10, (41, 1))
    logits[:21] += np.float32(1e5)
    with pytest.raises(InputError, match="too coarse"):
        check_resolution("net", logits)
    check_resolution("net", logits[1:])


@pytest.mark.parametrize(("share", "refused"), [(0.9, False), (1.0, False), (1.1, True)])
def test_the_largest_step_is_a_thousandth_of_the_scale(share, refused):
    assert COARSEST == 1e-3
    scale = 2.0**-7 / COARSEST / share  # 2^-7 is the step of float32 from 2^16 on
    row = np.array([0, 0, scale], np.float64) + 2.0**16
    few = np.array([[0, 0, 1]] * 2, np.float32)
    for fine, most in ((0, True), (1, True), (2, False)):  # half of the images are not most
        logits = np.concatenate([[row, row], few[:fine]]).astype(np.float32)
        if refused and most:
            with pytest.raises(InputError, match="too coarse"):
                check_resolution("net", logits)
        else:
            check_resolution("net", logits)


class Other(tiny.FunctionClassifier):
    """A classifier whose attacked logits are not those that judge: it answers class 1 by `lead`."""

    draws_apart = True

    def __init__(self, lead):
        super().__init__(lambda x: ops.zeros((ops.shape(x)[0], 4)), 4)
        self.lead, self.asked = lead, []

    def logits(self, images):
        self.asked.append(len(images))
        return np.tile(np.array([0, self.lead, -100, -200], np.float64), (len(images), 1))


@pytest.mark.parametrize(("share", "sure"), [(0.9, False), (1.5, False), (1.9, False), (2.1, True)])
def test_what_another_precision_breaks_is_confirmed_at_the_lead_of_attacks_that_stop(share, sure):
    """The scale is 50, so an attack may stop at a lead of 2e-5 * 50, not at the judge's 1e-5."""
    judge = Other(share * LEAD * 50)
    now = np.array([True, False, True])
    found, passes = confirmed(judge, tiny.images(3), np.zeros(3, np.int64), now)
    assert found.tolist() == [sure, False, sure]
    assert passes.tolist() == [1, 0, 1] and judge.asked == [2]


def test_nothing_is_asked_again_where_nothing_is_broken_or_the_logits_are_the_judges():
    judge, none = Other(9.0), np.zeros(3, bool)
    found, passes = confirmed(judge, tiny.images(3), np.zeros(3, np.int64), none)
    assert not found.any() and not passes.any() and judge.asked == []
    plain, now = tiny.conv(3), np.array([True, False, True])
    found, passes = confirmed(plain, tiny.images(3), np.zeros(3, np.int64), now)
    assert found.tolist() == now.tolist() and not passes.any()
