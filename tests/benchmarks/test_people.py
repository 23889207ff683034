"""The benchmark of `--people`: pairs, and the interval of false matches."""

import numpy as np
import pytest

from benchmarks.people import false_matches, pairs


def test_pairs_are_of_one_person_over_clips_and_of_two():
    ann = [np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 2.0]])]
    bob = [np.array([[5.0, 0.0]])]
    same, other = pairs({"Ann": ann, "Bob": bob})
    np.testing.assert_allclose(sorted(same), [1, 2, np.sqrt(5)])
    np.testing.assert_allclose(sorted(other), [4, 5, np.hypot(5, 2)])


def test_interval_of_false_matches_covers_the_rate_and_is_of_faces():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(40):
        places = rng.uniform(size=(60, 1))
        share, low, high = false_matches(np.abs(places - places.T), 0.1)
        assert low <= share <= high
        held += low <= 0.19 <= high  # 1 - (1 - 0.1)**2 for two uniform numbers
    assert 34 <= held <= 40
    assert false_matches(np.ones((9, 9)), 0.5) == pytest.approx((0, 0, 0))
