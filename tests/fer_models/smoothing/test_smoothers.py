"""Smoothers against closed forms, an enumeration of all paths, and finite differences."""

from itertools import product

import numpy as np
import pytest
from scipy.special import expit, log_softmax, softmax

from datasets.base.errors import InputError
from fer_models.smoothing.hidden_markov import HiddenMarkov
from fer_models.smoothing.named import parse_smoothers
from fer_models.smoothing.running_mean import RunningMean
from fer_models.smoothing.smoother import RepeaterSmoother


def logits(frames=6, classes=3, seed=0, scale=2.0):
    return scale * np.random.default_rng(seed).standard_normal((frames, classes))


def test_hidden_markov_filter_is_the_sum_over_all_paths():
    z, stay = logits(5, 3), 0.8
    found = HiddenMarkov(stay).smooth(z).scores
    likelihood = softmax(z, axis=1)
    for t in range(len(z)):
        total = np.zeros(3)
        for path in product(range(3), repeat=t + 1):
            weight = 1 / 3
            for step, state in enumerate(path):
                if step:
                    weight *= stay if state == path[step - 1] else (1 - stay) / 2
                weight *= likelihood[step, state]
            total[path[-1]] += weight
        np.testing.assert_allclose(np.exp(found[t]), total / total.sum(), atol=1e-12)


def test_of_two_classes_the_filter_has_a_closed_form():
    """Log-odds of the step: r -> log((s e^r + 1 - s) / ((1 - s) e^r + s)) + logit difference."""
    z, stay = logits(40, 2, seed=1), 0.95
    odds, found = 0.0, HiddenMarkov(stay).smooth(z).scores
    for t, (a, b) in enumerate(z):
        if t:
            odds = np.log(stay * np.exp(odds) + 1 - stay) - np.log((1 - stay) * np.exp(odds) + stay)
        odds += a - b
        assert np.exp(found[t, 0]) == pytest.approx(expit(odds), abs=1e-12)


def test_a_class_that_moves_anywhere_is_not_smoothed():
    z = logits(30, 4)
    found = HiddenMarkov(0.25).smooth(z).scores
    np.testing.assert_allclose(found, log_softmax(z, axis=1), atol=1e-12)


def test_huge_logits_neither_overflow_nor_hide_a_change():
    z = np.repeat([[1e4, 0.0, 0.0], [0.0, 1e4, 0.0]], 5, axis=0)
    found = HiddenMarkov(0.999).smooth(z)
    assert np.isfinite(found.scores).all() and np.isfinite(found.pull(np.ones((10, 3)))).all()
    assert HiddenMarkov(0.999).labels(z).tolist() == [0] * 5 + [1] * 5


def test_running_mean_is_the_mean_of_the_frames_there_are():
    z = logits(9, 3)
    found = RunningMean(4).smooth(z).scores
    for t in range(9):
        np.testing.assert_allclose(found[t], z[max(0, t - 3) : t + 1].mean(axis=0))


@pytest.mark.parametrize("smoother", [RunningMean(4), HiddenMarkov(0.9)])
def test_pull_is_the_derivative(smoother):
    z, cotangent = logits(7, 3), logits(7, 3, seed=2)
    found = smoother.smooth(z).pull(cotangent)
    for place in np.ndindex(z.shape):
        step = np.zeros_like(z)
        step[place] = 1e-6
        ends = [(smoother.smooth(z + side * step).scores * cotangent).sum() for side in (1, -1)]
        assert found[place] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-6)


@pytest.mark.parametrize(
    "smoother", [RepeaterSmoother(1), RepeaterSmoother(3), RunningMean(5), HiddenMarkov(0.95)]
)
def test_a_label_never_depends_on_later_frames(smoother):
    z = logits(30, 4)
    whole = smoother.labels(z)
    for end in (1, 2, 10, 29):
        assert smoother.labels(z[:end]).tolist() == whole[:end].tolist()


@pytest.mark.parametrize(
    ("smoother", "delay"),
    [(RepeaterSmoother(1), 0), (RepeaterSmoother(4), 3), (RunningMean(10), 5)],
)
def test_delay_after_a_change_between_equally_clear_labels(smoother, delay):
    z = np.repeat([[1.0, 0.0], [0.0, 1.0]], 20, axis=0)
    labels = smoother.labels(z)
    assert labels.tolist() == [0] * (20 + delay) + [1] * (20 - delay)


def test_a_surer_filter_waits_longer():
    z = np.repeat([[2.0, 0.0], [0.0, 2.0]], 40, axis=0)
    waits = [HiddenMarkov(stay).labels(z).argmax() - 40 for stay in (0.6, 0.9, 0.99, 0.999)]
    assert waits == sorted(waits) and waits[0] == 0 and waits[-1] >= 3


def test_names():
    names = [smoother.name for smoother in parse_smoothers("repeater:5, mean:12,hmm:0.99,mean:12")]
    assert names == ["none", "repeater:5", "mean:12", "hmm:0.99"]


@pytest.mark.parametrize(
    "text", ["mean", "mean:1", "mean:x", "repeater:0", "hmm:1", "hmm:", "hmm:nan", "median:3"]
)
def test_a_wrong_name_is_one_line(text):
    with pytest.raises(InputError, match="--smoothing") as caught:
        parse_smoothers(text)
    assert text in str(caught.value) and "\n" not in str(caught.value)
