"""Blocks of frames: lengths against another library's, variances against draws, coverage."""

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import norm

from evaluation.statistics.blocks import (
    best_block_length,
    block_length,
    effective_frames,
    gain_of_frames,
    share_of_frames,
)
from evaluation.statistics.intervals import proportion


def correlated(frames, correlation, seed, rows=1):
    """AR(1) series with variance 1, float (rows, frames)."""
    noise = np.random.default_rng(seed).standard_normal((rows, frames + 300))
    scale = np.sqrt(1 - correlation**2)
    return lfilter([scale], [1, -correlation], noise, axis=1)[:, 300:]


@pytest.mark.parametrize(
    ("frames", "correlation", "judge"),
    [(150, 0.0, 2.9), (150, 0.9, 15.2), (472, 0.5, 8.9), (472, 0.9, 31.4), (472, 0.97, 39.5)],
)
def test_lengths_are_those_of_the_arch_package(frames, correlation, judge):
    """`judge`: `arch.bootstrap.optimal_block_length` 8.0.0, column circular, of the same series."""
    found = best_block_length(correlated(frames, correlation, seed=frames)[0])
    assert found == pytest.approx(judge, rel=0.25, abs=1)


def test_blocks_are_longer_and_a_constant_series_tells_nothing():
    series, right = correlated(300, 0.9, seed=1)[0], np.ones(300)
    assert best_block_length(right) == 1
    assert block_length(right, series) == round(2 * best_block_length(series))
    assert block_length(right) == block_length(np.zeros(1)) == 1
    assert block_length(np.arange(30.0)) == 10


def test_variance_of_one_clip_is_that_of_drawn_blocks():
    right, length = correlated(240, 0.9, seed=2)[0] > 0.2, 12
    rng = np.random.default_rng(0)
    starts = rng.integers(0, 240, (20000, 20))
    drawn = right[(starts[..., None] + np.arange(length)) % 240].mean(axis=(1, 2))
    share, blocks = right.mean(), 20
    few = (norm.ppf(0.975) / 2.093) ** 2  # Student's t with 19 degrees of freedom
    expected = share * (1 - share) / (drawn.var() * blocks / (blocks - 1)) * few
    assert effective_frames([right], [length]) == pytest.approx(expected, rel=0.05)


def test_independent_frames_count_fully_and_copies_once():
    right = np.random.default_rng(0).random(400) < 0.5
    assert effective_frames([right], [1]) == pytest.approx(400, rel=0.01)
    held = np.repeat(right[:40], 10)
    assert effective_frames([held], [20]) < 60


def test_frames_that_all_agree_count_a_block_once():
    found = share_of_frames([np.ones(100, bool)], [10])
    assert found == proportion(100, 100, effective=10)
    assert found.low < 0.75 and found.n == 100
    several = share_of_frames([np.zeros(100, bool)] * 3, [20] * 3)
    assert several == proportion(0, 300, effective=15)


def test_several_clips_are_one_sample_each():
    """Two clips that differ wholly say next to nothing about a third."""
    found = share_of_frames([np.ones(500, bool), np.zeros(500, bool)], [1, 1])
    assert found.high - found.low > 0.9
    alike = np.arange(500) % 2 == 0
    assert share_of_frames([alike] * 6, [1] * 6).high < 0.55


def test_no_frames_give_no_figure():
    found = share_of_frames([], [])
    assert np.isnan(found.value) and found.n == 0


@pytest.mark.parametrize("share", [0.05, 0.6])
def test_intervals_of_correlated_frames_cover(share):
    """Of 250 frames with correlation 0.9 in what decides whether they are right."""
    hits = independent = 0
    margins = correlated(250, 0.9, seed=7, rows=200) - norm.ppf(1 - share)
    for margin in margins:
        right = margin > 0
        found = share_of_frames([right], [block_length(margin, right)])
        hits += found.low <= share <= found.high
        plain = proportion(right.sum(), 250)
        independent += plain.low <= share <= plain.high
    assert hits >= 0.9 * 200
    assert independent < 0.75 * 200


def test_intervals_of_several_clips_cover():
    hits, rng = 0, np.random.default_rng(0)
    for draw in range(200):
        shifts = rng.standard_normal((6, 1)) * 0.7
        frames = np.sqrt(0.51) * correlated(100, 0.9, seed=draw, rows=6) + shifts
        found = share_of_frames(list(frames > 0), [10] * 6)
        hits += found.low <= 0.5 <= found.high
    assert hits >= 0.9 * 200


def test_gains_are_paired():
    """Two readings that err together differ by little, however uncertain each is."""
    right = correlated(300, 0.9, seed=3)[0] > 0
    other = right.copy()
    other[::30] = True
    gained = other.astype(float) - right
    found = gain_of_frames([gained], [block_length(gained)])
    alone = share_of_frames([right], [block_length(right)])
    assert found.value == pytest.approx(gained.mean())
    assert 0 < found.high - found.low < (alone.high - alone.low) / 3


def test_gains_cover_and_a_gain_of_none_is_not_certain():
    hits = 0
    for left, right in correlated(250, 0.9, seed=11, rows=400).reshape(200, 2, 250):
        gained = (left > 0).astype(float) - (right > 0)
        found = gain_of_frames([gained], [block_length(left - right, gained)])
        hits += found.low <= 0 <= found.high
    assert hits >= 0.9 * 200
    none = gain_of_frames([np.zeros(100)], [10])
    assert (none.value, none.high) == (0, proportion(0, 100, effective=10).high)
    assert np.isnan(gain_of_frames([], []).value)
