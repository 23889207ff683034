"""The simulation of many workers, where it can be worked out by hand."""

import numpy as np
import pytest

from benchmarks.scale import simulate


def test_equal_chunks_without_a_driver_are_shared_evenly() -> None:
    found = simulate(np.full(12, 2.0), 3, 0.0, 120.0)
    assert (found.makespan, found.efficiency, found.bandwidth) == (8.0, 1.0, 15.0)


def test_a_straggler_at_the_end_leaves_the_others_idle() -> None:
    found = simulate(np.array([1.0, 1.0, 1.0, 5.0]), 2, 0.0, 1.0)
    assert found.makespan == 6.0 and found.efficiency == pytest.approx(8 / 12)


def test_a_driver_that_is_too_slow_decides() -> None:
    """A hundred workers finish at once; keeping a chunk takes as long as making it."""
    found = simulate(np.full(1000, 1.0), 100, 1.0, 1.0)
    assert found.makespan == pytest.approx(1001) and found.efficiency < 0.01
