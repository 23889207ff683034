"""Brief expressions in made series of predictions: what is found, when, and what is not."""

import numpy as np
import pytest

from live.video.brief.expressions import brief_expressions

CLASSES = ("happy", "sad", "neutral")
STILL, HAPPY, SAD = (0.1, 0.2, 0.7), (0.8, 0.1, 0.1), (0.05, 0.9, 0.05)
STEADY = np.arange(0, 40, 0.04)


def shares(times, *episodes, usual=STILL, noise=0.1):
    """Predictions with noise on their logarithms; an episode is (start, end, probabilities)."""
    found = np.tile(usual, (len(times), 1))
    for start, end, other in episodes:
        found[(times >= start) & (times <= end)] = other
    found = found * np.exp(np.random.default_rng(0).normal(0, noise, found.shape))
    return found / found.sum(axis=1, keepdims=True)


def events(times, *episodes, **options):
    return brief_expressions(times, shares(times, *episodes, **options), CLASSES)


def uneven_times():
    """Frames of 8 to 60 per second: the rate changes every four seconds."""
    rates = np.random.default_rng(3).uniform(8, 60, 10)
    return np.concatenate([4 * i + np.arange(0, 4, 1 / rate) for i, rate in enumerate(rates)])


@pytest.mark.parametrize("times", [STEADY, uneven_times(), np.arange(0, 40, 0.1)])
def test_event_has_its_times_emotion_baseline_and_strength(times):
    (event,) = events(times, (20.2, 21.6, HAPPY))
    assert (event.onset, event.offset) == pytest.approx((20.2, 21.6), abs=0.12)
    assert event.onset < event.apex < event.offset
    assert {event.onset, event.apex, event.offset} <= set(times)
    assert (event.emotion, event.baseline) == ("happy", "neutral")
    assert event.strength == pytest.approx(0.7, abs=0.06)


@pytest.mark.parametrize(("seconds", "found"), [(0.2, 0), (0.7, 1), (3.7, 1), (4.6, 0), (8.0, 0)])
def test_events_last_from_half_a_second_to_four(seconds, found):
    assert len(events(STEADY, (18.0, 18.0 + seconds, SAD))) == found


@pytest.mark.parametrize(
    ("episodes", "options"),
    [
        ((), {}),
        ((), {"noise": 1.0}),
        (((20.0, 99.0, HAPPY),), {}),  # a change that lasts
        (((0.0, 1.0, HAPPY),), {}),  # its onset is not seen
        (((39.2, 40.0, HAPPY),), {}),  # nor its offset
        (((20.0, 21.0, STILL),), {"usual": HAPPY}),  # back to neutral for a second
        (((20.0, 21.0, (0.11, 0.22, 0.67)),), {}),  # too small
    ],
)
def test_no_event(episodes, options):
    assert events(STEADY, *episodes, **options) == []


def test_face_that_always_looks_sad_has_no_event_until_it_changes():
    (event,) = events(STEADY, (20.0, 21.0, HAPPY), usual=SAD)
    assert (event.emotion, event.baseline) == ("happy", "sad")


def test_short_gap_is_bridged_and_a_long_one_hides_the_event():
    episode = (20.0, 22.0, HAPPY)
    without = STEADY[(STEADY < 20.8) | (STEADY > 21.2)]
    (event,) = events(without, episode)
    assert (event.onset, event.offset) == pytest.approx((20.0, 22.0), abs=0.12)
    assert events(STEADY[(STEADY < 19.9) | (STEADY > 20.7)], episode) == []


def test_noisier_face_needs_a_larger_change():
    small = (20.0, 21.5, (0.4, 0.25, 0.35))
    assert len(events(STEADY, small, noise=0.05)) == 1
    assert events(STEADY, small, noise=1.5) == []


def test_no_frames_and_one_frame():
    assert events(np.array([])) == []
    assert events(np.array([3.0])) == []
