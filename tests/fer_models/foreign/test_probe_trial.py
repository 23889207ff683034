"""Scalings compared with each other on the same faces, by hand."""

import numpy as np
import pytest

from fer_models.foreign.probe_trial import (
    CLEARLY,
    Trial,
    best_order,
    compare,
    is_tie,
    sureness,
    try_scaling,
)
from fer_models.foreign.scalings import Scaling

SCALING = Scaling("0 to 1", {})


def trial(right: list[float], losses: list[float], outputs: np.ndarray | None = None) -> Trial:
    """A trial of faces that were classified correctly or not, with their cross-entropies."""
    outputs = np.zeros((len(right), 2)) if outputs is None else outputs
    return Trial(SCALING, outputs, np.arange(2), right[0], np.array(right), np.array(losses))


def test_the_best_order_has_most_faces_right() -> None:
    labels = np.array([0, 0, 1, 1, 2, 2, 2])
    predicted = np.array([2, 2, 0, 1, 1, 1, 0])
    assert best_order(predicted, labels, 3).tolist() == [2, 0, 1]  # 2 + 1 + 2 of 7


def test_a_given_order_is_believed() -> None:
    outputs = np.eye(3)[[2, 0, 1, 1]]
    labels = np.array([0, 1, 2, 0])
    found = try_scaling(SCALING, outputs, labels, outputs, None)
    assert (found.order.tolist(), found.accuracy) == ([2, 0, 1], 0.75)
    given = try_scaling(SCALING, outputs, labels, outputs, [0, 1, 2])
    assert (given.order.tolist(), given.accuracy) == ([0, 1, 2], 0.0)
    assert given.losses.mean() > found.losses.mean()


@pytest.mark.parametrize(("predicted", "sure"), [(7, 7), (6, 7), (5, 5)])
def test_classes_that_are_never_predicted_are_unsure_unless_one_alone(
    predicted: int, sure: int
) -> None:
    faces = np.arange(140)
    labels = faces % 7
    outputs = np.eye(7)[np.where(labels < predicted, labels, faces // 7 % 5)]
    found = try_scaling(SCALING, outputs, labels, outputs, None)
    assert sureness(found, labels).tolist() == [1.0] * sure + [0.0] * (7 - sure)


def test_two_views_of_a_face_are_one_face() -> None:
    """Three faces; the second view is wrong for the last one alone."""
    logits = 4 * np.eye(3)[[0, 1, 2, 0, 1, 0]]
    found = try_scaling(SCALING, logits, np.arange(3), logits, None)
    assert found.right.tolist() == [1.0, 1.0, 0.5]
    assert found.accuracy == 1.0  # of the faces as they are
    assert found.losses.shape == (3,)
    assert found.losses[0] == pytest.approx(found.losses[1])
    assert found.losses[2] > found.losses[0]


def test_errors_are_those_of_paired_faces() -> None:
    """Seven faces: two right with the best alone, one with the other alone."""
    best = trial([1, 1, 0, 1, 1, 0, 0], [0.0] * 7)
    other = trial([0, 0, 1, 1, 1, 0, 0], [0.0] * 7)
    held = compare(best, other)
    assert held.difference == pytest.approx(1 / 7)
    assert held.standard_error == pytest.approx(np.sqrt(3) / 7)
    assert held.errors == pytest.approx(1 / np.sqrt(3))
    assert not held.is_less_accurate
    assert compare(other, best).errors == pytest.approx(-1 / np.sqrt(3))


def test_correctness_and_cross_entropy_count_alike() -> None:
    """By hand: differences 1, 0 and 2, 2 are divided by their root mean squares and added."""
    held = compare(trial([1, 1], [0.0, 0.0]), trial([0, 1], [2.0, 2.0]))
    both = np.array([np.sqrt(2) + 1, 1])
    expected = pytest.approx(both.sum() / np.sqrt((both**2).sum()))
    assert held.errors == expected
    assert compare(trial([1, 1], [3.0, 1.0]), trial([0, 1], [5.0, 3.0])).errors == expected


def test_less_accurate_is_more_than_two_standard_errors() -> None:
    """With n faces right by one scaling alone, the difference is sqrt(n) standard errors."""
    four, five = (compare(trial([1] * n, [0.0] * n), trial([0] * n, [0.0] * n)) for n in (4, 5))
    assert CLEARLY == 2
    assert (four.is_less_accurate, five.is_less_accurate) == (False, True)


def test_rounding_is_no_difference() -> None:
    """A thousandth of a nat decides nothing, however often it has one sign."""
    right = [1.0] * 30
    assert compare(trial(right, [0.0] * 30), trial(right, [9e-4] * 30)).errors == 0
    told = compare(trial(right, [0.0] * 30), trial(right, [1e-3] * 30))
    assert told.errors == pytest.approx(np.sqrt(30))


def test_equal_outputs_are_a_tie() -> None:
    """Outputs of range 2 may differ by 0.002."""
    outputs = np.array([[1.0, -1.0], [-1.0, 1.0], [0.0, 2.0]])
    one = trial([1] * 3, [0.0] * 3, outputs)
    for change, tie in ((0.0, True), (0.0019, True), (0.0021, False)):
        moved = outputs.copy()
        moved[1, 0] -= change
        assert is_tie(one, trial([1] * 3, [0.0] * 3, moved)) is tie
    wide = np.tile([0.0, 1000.0], (3, 1))  # a thousandth of the range is exactly 1
    assert is_tie(trial([1] * 3, [0.0] * 3, wide), trial([1] * 3, [0.0] * 3, wide + 1))
