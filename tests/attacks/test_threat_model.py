import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import brentq

from attacks.threat_model import (
    TOLERANCE,
    Norm,
    check_eps,
    distance,
    exact_eps,
    format_eps,
    l1_sizes,
    linf_limits,
    parse_eps,
    parse_norm,
    project,
    round_towards,
)
from datasets.base.errors import InputError

# Differences of such pixels are exact in float64, so a point inside comes back bit for bit.
UNIT = st.one_of(st.just(0.0), st.floats(2**-20, 1, width=32))
CLEAN = arrays(np.float32, (3, 4, 4, 1), elements=UNIT)
FAR = arrays(np.float64, (3, 4, 4, 1), elements=st.floats(-3, 3))
EPS = st.one_of(st.floats(1e-7, 1), st.sampled_from([0.5 / 255, 1 / 255, 8 / 255]))


@pytest.mark.parametrize(
    ("text", "eps"),
    [("8/255", 8 / 255), ("0.5/255", 0.5 / 255), (".25", 0.25), ("0", 0.0), ("1", 1.0)],
)
def test_eps_is_read_from_text(text, eps):
    assert parse_eps(text) == eps


@pytest.mark.parametrize("text", ["", "x", "8/", "8/0", "/255", "-1/255", "nan", "inf", "1/2/3"])
def test_a_wrong_eps_text_is_refused(text):
    with pytest.raises(InputError, match="`eps` must be"):
        parse_eps(text)


@pytest.mark.parametrize("text", ["8/255", "0.5/255", "0.25", "0", "0.1", "1", "16/255", "2"])
def test_eps_is_printed_as_it_is_written(text):
    assert format_eps(parse_eps(text)) == text


@given(EPS)
def test_printed_eps_reads_back(eps):
    assert parse_eps(format_eps(eps)) == pytest.approx(eps, rel=1e-9)
    assert parse_eps(exact_eps(eps)) == eps


def test_unknown_norm_is_refused():
    assert parse_norm("l2") is Norm.L2
    with pytest.raises(InputError, match=r"`norm` must be one of linf, l2, l1; got 'l3'"):
        parse_norm("l3")


@pytest.mark.parametrize(
    ("eps", "norm", "dims"),
    [
        (1.0, Norm.LINF, None),
        (48.0, Norm.L2, 2304),  # sqrt(48 * 48) = 48
        (2304.0, Norm.L1, 2304),
        (100.0, Norm.L2, None),
        (0.0, Norm.LINF, 1),
    ],
)
def test_eps_within_the_norm_is_accepted(eps, norm, dims):
    check_eps(eps, norm, dims)


@pytest.mark.parametrize(
    ("eps", "norm", "dims"),
    [
        (1.01, Norm.LINF, None),
        (48.1, Norm.L2, 2304),
        (2305.0, Norm.L1, 2304),
        (-0.1, Norm.L2, None),
        (float("nan"), Norm.LINF, None),
        (float("inf"), Norm.L2, None),
    ],
)
def test_eps_outside_the_norm_is_refused(eps, norm, dims):
    with pytest.raises(InputError, match="`eps` must be"):
        check_eps(eps, norm, dims)


def test_eps_in_the_wrong_unit_gets_the_next_step():
    with pytest.raises(InputError, match=r"did you mean 8/255\?"):
        check_eps(8, Norm.LINF)


@pytest.mark.parametrize(
    ("eps", "asked"), [(1.01, True), (1.5, True), (255, True), (255.5, False), (-1, False)]
)
def test_numbers_up_to_255_are_asked_about_255ths(eps, asked):
    with pytest.raises(InputError) as error:
        check_eps(eps, Norm.LINF)
    assert str(error.value).endswith(f"did you mean {eps:g}/255?") == asked
    assert ("did you mean" in str(error.value)) == asked


@pytest.mark.parametrize(
    ("eps", "norm", "dims", "words"),
    [
        ("300/255", Norm.LINF, None, "got 300/255. Pixels are in [0, 1]: choose at most 255/255"),
        ("256/255", Norm.LINF, None, "got 256/255. Pixels are in [0, 1]: choose at most 255/255"),
        ("1000", Norm.LINF, None, "got 1000. Pixels are in [0, 1]: choose at most 255/255"),
        ("100", Norm.L2, 2304, "got 100. Choose at most 48."),
    ],
)
def test_eps_that_is_too_large_gets_a_next_step_that_is_allowed(eps, norm, dims, words):
    with pytest.raises(InputError) as error:
        check_eps(parse_eps(eps), norm, dims)
    assert words in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("norm", [Norm.L2, Norm.L1])
def test_without_an_image_eps_must_be_finite(norm):
    rule = rf"must be finite and at least 0 for {norm}; got inf\. Choose one such as 1\.$"
    with pytest.raises(InputError, match=rule):
        check_eps(float("inf"), norm)


@pytest.mark.parametrize(
    ("eps", "text"),
    [
        (0.5, "0.5"),
        (0.1234, "0.1234"),
        (0.12345, "0.12345"),  # no multiple of 1/255, so all its digits
        (1 / 3, "85/255"),
        (1.25 / 255, "1.25/255"),
        (1.2345 / 255, "0.004841176471"),  # more than three digits of a 255th
    ],
)
def test_eps_is_printed_in_the_shorter_way(eps, text):
    assert format_eps(eps) == text


def test_a_stored_perturbation_may_exceed_eps_by_a_millionth():
    assert TOLERANCE == 1e-6


def test_only_linf_is_asked_about_255ths():
    with pytest.raises(
        InputError, match=r"must be in \[0, 48\] for l2; got 100. Choose at most 48.$"
    ):
        check_eps(100, Norm.L2, 2304)


def test_distances_of_a_3_4_difference():
    a = np.zeros((1, 1, 2, 1), np.float32)
    b = np.array([0.3, -0.4]).reshape(1, 1, 2, 1)
    assert distance(a, b, Norm.LINF) == pytest.approx([0.4])
    assert distance(a, b, Norm.L2) == pytest.approx([0.5])  # sqrt(.09 + .16)
    assert distance(a, b, Norm.L1) == pytest.approx([0.7])


@given(FAR, CLEAN, EPS, st.sampled_from(Norm))
def test_projection_stays_in_ball_and_range(images, clean, eps, norm):
    projected = project(images, clean, eps, norm)
    assert projected.dtype == np.float32
    assert (distance(projected, clean, norm) <= eps * (1 + TOLERANCE)).all()
    assert projected.min() >= 0 and projected.max() <= 1


@given(FAR, CLEAN, EPS)
def test_linf_projection_is_the_nearest_point(images, clean, eps):
    nearest = np.clip(images, np.maximum(clean - eps, 0), np.minimum(clean + eps, 1))
    np.testing.assert_allclose(project(images, clean, eps, Norm.LINF), nearest, atol=1.3e-7)


@given(CLEAN, CLEAN, EPS, st.sampled_from(Norm))
def test_points_inside_stay_where_they_are(images, clean, eps, norm):
    inside = distance(images, clean, norm) <= eps * 0.999
    np.testing.assert_array_equal(project(images, clean, eps, norm)[inside], images[inside])


def test_l2_projection_keeps_the_direction():
    clean = np.full((1, 1, 2, 1), 0.5, np.float32)
    moved = clean + np.array([0.3, 0.4]).reshape(1, 1, 2, 1)  # length 0.5, to 0.05: a tenth
    expected = 0.5 + np.array([0.03, 0.04]).reshape(1, 1, 2, 1)
    np.testing.assert_allclose(project(moved, clean, 0.05, Norm.L2), expected, atol=1e-7)


def test_l1_projection_by_hand():
    clean = np.array([0.5, 0.5, 0.9, 0.0], np.float32).reshape(1, 2, 2, 1)
    moved = clean + np.array([0.3, -0.2, 0.5, -0.4]).reshape(1, 2, 2, 1)
    # Room: 0.5, 0.5, 0.1, 0. With t = 0.15 the sizes are 0.15, 0.05, 0.1 and 0: together 0.3.
    delta = project(moved, clean, 0.3, Norm.L1) - clean
    np.testing.assert_allclose(delta.ravel(), [0.15, -0.05, 0.1, 0], atol=1e-7)
    # Of one pixel each 0.1 fits: two pixels by t = 0.2, so the second one stays.
    delta = project(moved, clean, 0.2, Norm.L1) - clean
    np.testing.assert_allclose(delta.ravel(), [0.1, 0, 0.1, 0], atol=1e-7)


def nearest_sizes(wanted, room, eps):
    """Judge of `l1_sizes`: bisection on the threshold, one image at a time."""

    def fit(threshold):
        return np.clip(wanted - threshold, 0, room)

    if fit(0.0).sum() <= eps:
        return fit(0.0)
    return fit(brentq(lambda t: fit(t).sum() - eps, 0, wanted.max(), xtol=1e-14))


SIZES = arrays(np.float64, (3, 8), elements=st.floats(0, 3))
ROOM = arrays(np.float64, (3, 8), elements=st.floats(0, 1))


@given(SIZES, ROOM, arrays(np.float64, 3, elements=st.floats(1e-6, 9)))
def test_l1_sizes_are_the_nearest(wanted, room, eps):
    sizes = l1_sizes(wanted, room, eps)
    assert (sizes >= 0).all() and (sizes <= room).all()
    assert (sizes.sum(axis=1) <= eps * (1 + 1e-9)).all()
    for row in range(3):
        expected = nearest_sizes(wanted[row], room[row], eps[row])
        np.testing.assert_allclose(sizes[row], expected, atol=1e-9)


@given(FAR, CLEAN, CLEAN, EPS)
def test_no_point_of_the_l1_ball_is_nearer_than_the_projection(images, clean, other, eps):
    inside = project(other, clean, eps, Norm.L1)
    found, rival = (
        np.square(images - point).sum(axis=(1, 2, 3))
        for point in (project(images, clean, eps, Norm.L1), inside)
    )
    assert (found <= rival + 1e-5).all()


def test_each_image_may_have_its_own_l1_radius():
    clean = np.zeros((2, 1, 2, 1), np.float32)
    delta = project(clean + 0.5, clean, np.array([0.2, 0.6]).reshape(2, 1, 1, 1), Norm.L1)
    np.testing.assert_allclose(delta.reshape(2, 2), [[0.1, 0.1], [0.3, 0.3]], atol=1e-7)


@given(FAR, CLEAN)
def test_rounding_never_moves_away(values, clean):
    rounded = round_towards(values, clean)
    assert (np.abs(rounded.astype(np.float64) - clean) <= np.abs(values - clean)).all()
    np.testing.assert_allclose(rounded, values, rtol=2e-7, atol=1e-40)


def test_linf_limits_are_the_ball_inside_the_range():
    clean = np.array([0.0, 0.25, 0.875, 1.0], np.float32).reshape(1, 2, 2, 1)
    low, high = linf_limits(clean, 0.25)
    assert low.dtype == high.dtype == np.float32
    assert low.ravel().tolist() == [0, 0, 0.625, 0.75]
    assert high.ravel().tolist() == [0.25, 0.5, 1, 1]


def test_each_image_may_have_its_own_linf_and_l2_radius():
    clean, radii = np.zeros((2, 1, 2, 1), np.float32), np.array([0.25, 0.5]).reshape(2, 1, 1, 1)
    moved = clean + np.array([0.6, 0.8]).reshape(1, 1, 2, 1)  # length 1
    found = project(moved, clean, radii, Norm.LINF).reshape(2, 2)
    np.testing.assert_allclose(found, [[0.25, 0.25], [0.5, 0.5]])
    found = project(moved, clean, radii, Norm.L2).reshape(2, 2)
    np.testing.assert_allclose(found, [[0.15, 0.2], [0.3, 0.4]], rtol=1e-6)


@pytest.mark.parametrize("norm", Norm)
def test_no_images_have_no_distance(norm):
    nothing = np.zeros((0, 4, 4, 1), np.float32)
    assert distance(nothing, nothing, norm).shape == (0,)
    assert project(nothing, nothing, 0.1, norm).shape == (0, 4, 4, 1)
    same = np.ones((2, 4, 4, 1), np.float32)
    assert distance(same, same, norm).tolist() == [0, 0]


def test_l1_sizes_at_the_corners():
    """Sizes that fit exactly, that nearly fit, and a threshold that lies on a corner."""
    wanted, room = np.array([[0.5, 0.25, 0.25]] * 4), np.array([[1.0, 1.0, 1.0]] * 4)
    sizes = l1_sizes(wanted, room, np.array([1.0, 2.0, 0.25, 0.0]))
    expected = [[0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.25, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(sizes, expected, atol=1e-12)
    sizes = l1_sizes(wanted[:1], np.array([[0.25, 1.0, 1.0]]), np.array([0.5]))
    # With t = 1/12: min(5/12, 0.25), 1/6, 1/6 would be 7/12; t = 1/8 gives 0.25, 1/8, 1/8.
    np.testing.assert_allclose(sizes, [[0.25, 0.125, 0.125]], atol=1e-12)


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize("radii", [[0.1, -1e-9], [0.1, np.nan]])
def test_a_negative_radius_is_refused(norm, radii):
    """Clipping to limits that are swapped would move every pixel by the radius."""
    clean, eps = np.full((2, 2, 2, 1), 0.5, np.float32), np.array(radii).reshape(2, 1, 1, 1)
    with pytest.raises(ValueError, match="`eps` must be at least 0"):
        project(clean, clean, eps, norm)
    with pytest.raises(ValueError, match=r"`eps` must be at least 0\. Received: -0\.1"):
        linf_limits(clean, -0.1)
