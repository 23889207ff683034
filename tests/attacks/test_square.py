"""Square attack: schedule and shapes by hand, costs, strength."""

import numpy as np
import pytest

from attacks.base import Keys
from attacks.noise import Noise
from attacks.square import Square
from attacks.square_windows import (
    bumps,
    corners,
    move_squares,
    set_squares,
    side_lengths,
    stripes,
    tiles,
)
from attacks.threat_model import Norm
from datasets.base.errors import InputError
from tests.attacks import tiny
from tests.attacks.test_gradient_attacks import smallest_steps

BOTH = pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])


def setting(count=40, num_classes=7):
    classifier, images = tiny.conv(num_classes), tiny.images(count)
    return classifier, images, classifier.predict(images), Keys(0, np.arange(count))


def test_squares_shrink_by_the_published_schedule():
    sides = side_lengths(10_000, 0.8, (48, 48), Norm.LINF)
    assert sides[0] == sides[10] == 43  # sqrt(.8 * 48 * 48) = 42.9
    assert sides[11] == 30  # sqrt(.4 * 2304) = 30.4
    assert sides[51] == 21 and sides[201] == 15 and sides[501] == 11  # .2, .1, .05
    assert sides[8001] == 2  # sqrt(.8 / 512 * 2304) = 1.9
    thousand = side_lengths(1000, 0.8, (48, 48), Norm.LINF)
    assert thousand == sides[::10]


def test_l2_squares_are_odd_and_fit():
    assert set(np.array(side_lengths(100, 0.8, (48, 48), Norm.L2)) % 2) == {1}
    assert min(side_lengths(10_000, 0.8, (48, 48), Norm.L2)) == 3
    assert max(side_lengths(10, 1.0, (8, 12), Norm.L2)) == 8


def test_corners_leave_room_for_the_square():
    ends = np.array([[0.0, 0.0], [0.9999999, 0.9999999]], np.float32)
    assert corners(ends, 3, (2, 10, 8, 1)).tolist() == [[0, 0], [7, 5]]


@pytest.mark.parametrize("side", [1, 2, 3, 7, 12])
def test_bumps_are_two_of_opposite_sign_and_unit_length(side):
    pair = bumps(side)
    assert pair.shape == (side, side) and np.linalg.norm(pair) == pytest.approx(1)
    assert (pair[: side // 2] > 0).all() and (pair[side // 2 :] < 0).all()


def test_a_bump_adds_rectangles_around_its_middle():
    # upper half of 3 x 3: one row; middle at column 1: k = 0 adds 1 there, k = 1 adds 1/4 to all
    upper = bumps(3)[0]
    assert upper[0] == pytest.approx(upper[2])
    assert upper[1] / upper[0] == pytest.approx(1.25 / 0.25)


def test_stripes_are_vertical_and_tiles_have_unit_length():
    signs = np.random.default_rng(0).choice((-1.0, 1.0), (4, 12, 15, 3))
    assert (stripes(signs) == signs[:, :1]).all()
    lengths = np.sqrt(np.square(tiles(signs)).sum(axis=(1, 2, 3)))
    assert lengths == pytest.approx([1] * 4)


def test_moving_a_square_empties_one_fills_the_other_and_keeps_the_length():
    rng = np.random.default_rng(0)
    delta = rng.standard_normal((2, 10, 10, 1))
    delta *= 0.5 / np.sqrt(np.square(delta).sum(axis=(1, 2, 3), keepdims=True))
    source, into = np.array([[0, 0], [1, 1]]), np.array([[5, 5], [6, 2]])
    moved = move_squares(delta, source, into, 3, np.ones((2, 1)), np.array([True, False]), eps=0.5)
    assert not moved[0, 0:3, 0:3].any() and not moved[1, 1:4, 1:4].any()
    assert np.sqrt(np.square(moved).sum(axis=(1, 2, 3))) == pytest.approx([0.5, 0.5])
    untouched = np.ones((10, 10), bool)
    untouched[0:3, 0:3] = untouched[5:8, 5:8] = False
    np.testing.assert_allclose(moved[0][untouched], delta[0][untouched])
    old = np.square(delta[0, 0:3, 0:3]).sum() + np.square(delta[0, 5:8, 5:8]).sum()
    assert np.square(moved[0, 5:8, 5:8]).sum() == pytest.approx(old)


def test_squares_may_overlap():
    delta = np.full((1, 6, 6, 1), 0.01)
    moved = move_squares(
        delta, np.array([[0, 0]]), np.array([[1, 1]]), 3, np.ones((1, 1)), np.array([True]), 0.06
    )
    assert np.isfinite(moved).all() and moved[0, 1:4, 1:4].all()


def test_a_square_that_would_change_nothing_takes_the_opposite_signs():
    clean = np.full((2, 6, 6, 2), 0.5, np.float32)
    clean[0, 0, 0] = 1  # +eps leaves the range there: it cannot rise, only fall
    into, signs = np.zeros((2, 2), int), np.array([[1.0, -1.0], [1.0, 1.0]])
    once = set_squares(clean, clean, into, 3, signs, 0.25)
    again = set_squares(once, clean, into, 3, signs[[0, 0]], 0.25)
    np.testing.assert_array_equal(
        again[0, :3, :3, 0], np.where(clean[0, :3, :3, 0] == 1, 0.75, 0.25)
    )
    np.testing.assert_array_equal(again[0, 1:3, 1:3, 1], np.full((2, 2), 0.75, np.float32))
    np.testing.assert_array_equal(again[1, :3, :3], np.broadcast_to([0.75, 0.25], (3, 3, 2)))
    np.testing.assert_array_equal(again[:, 3:], clean[:, 3:])


def test_linf_steps_come_close_to_the_closed_form_of_a_linear_model():
    classifier, images = tiny.linear(2), tiny.images(6)
    labels = classifier.predict(images)
    for i, step in enumerate(smallest_steps(classifier, images, labels, Norm.LINF)):
        one, key = slice(i, i + 1), Keys(0, np.array([i]))
        for share, expected in ((0.99, False), (1.01, True)):
            square = Square(norm=Norm.LINF, eps=share * step, queries=1500)
            result = square(classifier, images[one], labels[one], key)
            assert result.success.tolist() == [expected], (step, share)


@BOTH
def test_queries_help_and_beat_noise(norm):
    classifier, images, labels, keys = setting(60)
    eps = {Norm.LINF: 0.02, Norm.L2: 0.12}[norm]
    noise = Noise(norm=norm, eps=eps)(classifier, images, labels, keys).success.sum()
    ten, hundred = (
        Square(norm=norm, eps=eps, queries=queries)(classifier, images, labels, keys)
        for queries in (10, 150)
    )
    assert hundred.success.sum() > ten.success.sum() >= noise
    assert (hundred.cost.forward[~hundred.success] == 151).all()  # and the clean image
    assert (hundred.cost.forward[hundred.success] < 152).all()
    assert not hundred.cost.backward.any()


def test_an_image_that_is_wrong_already_costs_one_pass():
    classifier, images, labels, keys = setting(5)
    result = Square(norm=Norm.LINF, eps=0.02, queries=9)(classifier, images, (labels + 1) % 7, keys)
    assert result.success.all() and (result.cost.forward == 1).all()
    np.testing.assert_array_equal(result.images, images)


@pytest.mark.parametrize(("option", "value"), [("queries", 0), ("area", 0.0), ("area", 1.5)])
def test_wrong_options_are_refused(option, value):
    with pytest.raises(InputError, match=f"`{option}` must be"):
        Square(norm=Norm.LINF, eps=0.1, **{option: value})
