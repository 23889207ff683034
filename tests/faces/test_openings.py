"""Measures of mouth, eyes and brows."""

import numpy as np
import pytest

from faces import mesh_points as mesh
from faces.landmarks import mean_shape
from faces.openings import openings


def drawn_face():
    """Eyes 10 apart with lids 2 apart, lips 3 apart, corners 8 apart, brows 4 and 5 above."""
    points = np.zeros((468, 2))
    sides = (mesh.LEFT_EYE, mesh.RIGHT_EYE), (mesh.LEFT_EYE_SIX, mesh.RIGHT_EYE_SIX)
    for x, eye, six in zip((0, 10), *sides):
        points[list(eye)] = (x, 0)
        points[[six[1], six[2]]] = (x, -1)
        points[[six[4], six[5]]] = (x, 1)
    points[list(mesh.LEFT_BROW)], points[list(mesh.RIGHT_BROW)] = (0, -4), (10, -5)
    points[13], points[14], points[61], points[291] = (5, 9), (5, 12), (1, 10), (9, 10)
    return points


def test_measures_of_a_drawn_face():
    found = openings(drawn_face())
    assert found == pytest.approx((0.3, 0.8, 0.2, 0.2, 0.4, 0.5))


def test_size_tilt_and_place_do_not_matter():
    shape = mean_shape().astype(np.float64)
    angle = 0.4
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = 173 * shape @ turn.T + (40, -20)
    both = openings(np.stack([shape, moved]))
    for measure in both:
        assert measure[1] == pytest.approx(measure[0], abs=1e-9)
    # Of an average face: closed lips, open eyes, brows above the eyes.
    assert both.mouth_open[0] < 0.15 < both.left_eye_open[0] * 2
    assert min(both.left_brow_raised[0], both.right_brow_raised[0]) > 0.2


def test_eyes_at_one_place_have_no_measures():
    assert np.isnan(openings(np.zeros((468, 2)))).all()


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="468"):
        openings(np.zeros((68, 2)))
