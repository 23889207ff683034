"""The plan against a repeater, against every other plan."""

from itertools import product

import numpy as np
import pytest

from attacks.clips.plan import plan_against_repeater
from fer_models.smoothing.smoother import RepeaterSmoother


def wrong(predictions, labels, counted, repeat):
    held = RepeaterSmoother(repeat).labels(np.eye(4)[np.array(predictions)])
    return int((counted & (held != labels)).sum())


@pytest.mark.parametrize("repeat", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(6))
def test_no_other_plan_breaks_more_frames(repeat, seed):
    rng = np.random.default_rng(seed)
    labels = np.repeat(rng.integers(0, 3, 3), 3)
    counted = rng.random(9) < 0.8
    reached = rng.random((3, 9)) < 0.4
    reached[labels, np.arange(9)] |= ~reached.any(axis=0)
    options = [np.flatnonzero(reached[:, t]).tolist() for t in range(9)]
    best = max(wrong(plan, labels, counted, repeat) for plan in product(*options))
    plan = plan_against_repeater(reached, labels, counted, repeat)
    assert reached[plan, np.arange(9)].all()
    assert wrong(plan, labels, counted, repeat) == best


def test_two_wrong_classes_in_turn_never_move_a_repeater():
    """What a plan must know: alternating wrong predictions keep the right label held."""
    labels, counted = np.zeros(12, np.int64), np.ones(12, bool)
    assert wrong([0, 1, 2] * 4, labels, counted, 3) == 0
    reached = np.ones((3, 12), bool)
    reached[1:, 0] = False
    plan = plan_against_repeater(reached, labels, counted, 3)
    assert wrong(plan, labels, counted, 3) == 9
