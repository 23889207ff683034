"""Figures of readings, from frames whose figures are known."""

import numpy as np
import pandas as pd
import pytest

from evaluation.figures.readings import score_readings
from evaluation.metrics.readings import Change, flips, frames_waited, lasting_changes
from evaluation.results.reading import LABELS, READING_COLUMNS
from tests.evaluation.readings.made_frames import EXPECTED, GRID, clip, frames, late, rows


@pytest.fixture(scope="module")
def results():
    return score_readings(frames(), seed=4)


def figure(results, metric, clip="planted 1", **wanted):
    found = results[(results["metric"] == metric) & (results["clip"] == clip)]
    for column, value in {
        "smoothing": "none",
        "perturbation": "none",
        "eps": 0.0,
        **wanted,
    }.items():
        found = found[found[column] == value]
    (row,) = found.to_dict("records")
    return row


def test_a_flip_is_a_change_from_frame_to_frame():
    assert flips(np.array([1, 1, 2, 2, 1])).tolist() == [False, True, False, True]


def test_only_changes_that_last_are_to_be_followed():
    seconds = np.arange(12) / 10
    expected = np.array([0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 2, 2])
    assert lasting_changes(expected, seconds, held=0.5) == [Change(3, 9)]
    assert lasting_changes(expected, seconds, held=0.2) == [Change(3, 9), Change(9, 12)]


def test_frames_waited():
    expected, change = np.repeat([0, 1], 10), Change(10, 20)
    assert frames_waited(np.repeat([0, 1], 10), expected, change) == 0
    assert frames_waited(np.repeat([0, 1], [13, 7]), expected, change) == 3
    assert frames_waited(np.zeros(20), expected, change) == np.inf


def test_accuracy_counts_scored_frames(results):
    found = figure(results, "accuracy")
    assert (found["value"], found["n"], found["reference"]) == (1.0, 54, LABELS)
    slow = figure(results, "accuracy", smoothing="mean:9")
    assert slow["value"] == pytest.approx(1 - 2 * 3 / 54)  # 5 late, 2 of them not scored
    assert slow["ci_low"] < slow["value"] < slow["ci_high"]


def test_flips_are_per_second_and_beside_those_of_the_reference(results):
    assert figure(results, "flips_per_second")["value"] == pytest.approx(2 / (59 / 20))
    reference = figure(results, "flips_per_second", smoothing="reference")
    assert reference["value"] == pytest.approx(2 / (59 / 20))
    attacked = {"perturbation": "per_frame", "eps": GRID[1]}
    assert figure(results, "flips_per_second", **attacked)["value"] == pytest.approx(3 / (59 / 20))


def test_delays(results):
    assert figure(results, "median_delay")["value"] == 0
    late = figure(results, "median_delay", smoothing="mean:9")
    assert (late["value"], late["n"]) == (pytest.approx(0.25), 2)
    assert (late["ci_low"], late["ci_high"]) == (0, np.inf)  # of two changes nothing is known
    assert figure(results, "median_delay_frames", smoothing="mean:9")["value"] == 5
    assert figure(results, "followed", smoothing="mean:9")["value"] == 1


def test_a_change_that_is_never_followed_is_an_infinite_delay_of_the_smoother_alone():
    never = np.where(EXPECTED == "sad", "happy", EXPECTED)
    parts = [rows(late(0)), rows(np.where(EXPECTED == "happy", "happy", "fear"), "mean:9")]
    found = score_readings(pd.concat(parts), seed=0)
    assert figure(found, "median_delay", smoothing="mean:9")["value"] == np.inf
    assert figure(found, "followed", smoothing="mean:9")["value"] == 0
    plain_misses = score_readings(rows(never), seed=0)
    assert figure(plain_misses, "followed")["n"] == 1


def test_changes_that_are_followed_have_the_interval_of_as_many_changes():
    """Of two changes one: both bounds of Clopper and Pearson are where one of two has 2.5 %."""
    half = np.where(EXPECTED == "angry", "sad", EXPECTED)
    found = score_readings(pd.concat([rows(late(0)), rows(half, "mean:9")]), seed=0)
    followed = figure(found, "followed", smoothing="mean:9")
    assert (followed["value"], followed["n"], followed["effective_n"]) == (0.5, 2, 2)
    assert followed["ci_low"] == pytest.approx(1 - 0.975**0.5)
    assert followed["ci_high"] == pytest.approx(0.975**0.5)


def test_robust_means_right_without_attack_too(results):
    found = figure(
        results, "robust_accuracy", smoothing="mean:9", perturbation="per_frame", eps=GRID[1]
    )
    assert found["value"] == pytest.approx((54 - 6 - 8) / 54)
    assert figure(results, "robust_accuracy", perturbation="adaptive", eps=GRID[1])["value"] == 0


def test_figures_over_clips_are_those_of_all_their_frames(results):
    both = figure(
        results, "robust_accuracy", "all planted clips", perturbation="per_frame", eps=GRID[1]
    )
    assert (both["value"], both["n"], both["clips"]) == (pytest.approx((108 - 20) / 108), 108, 2)
    assert both["ci_high"] - both["ci_low"] > 0.05


def test_agreement_is_never_called_accuracy(results):
    real = results[results["clip"] == "walk.mp4"]
    assert set(real["metric"]) >= {"agreement", "robust_agreement", "robust_agreement_gain"}
    assert not real["metric"].str.contains("accuracy").any()
    assert not (results["clip"] == "all clips").any()


def test_gains_are_over_the_same_reading_without_smoothing(results):
    gain = figure(
        results, "robust_accuracy_gain", smoothing="mean:9", perturbation="adaptive", eps=GRID[0]
    )
    assert gain["value"] == pytest.approx(-3 / 54)
    assert figure(results, "accuracy_gain", smoothing="mean:9")["value"] == pytest.approx(-6 / 54)


def test_an_attack_weaker_than_noise_is_flagged(results):
    assert set(results["status"]) == {"ok"}
    weak = clip()
    noisy = (weak["perturbation"] == "noise") & (weak["frame"] < 30)
    weak.loc[noisy, "reading"] = "fear"
    found = score_readings(weak, seed=0)
    robust = found[found["metric"] == "robust_accuracy"]
    flagged = robust[robust["status"] == "flagged"]
    assert set(flagged["perturbation"]) == {"per_frame", "whole_clip", "slow"}
    assert set(robust.loc[robust["perturbation"] == "noise", "status"]) == {"ok"}


def test_rows_have_the_schema(results):
    assert list(results.columns) == list(READING_COLUMNS)
    assert set(results["seed"]) == {4}
    shares = results[~results["metric"].str.contains("flips|delay|gain")]
    assert shares["value"].between(0, 1).all() and (shares["effective_n"] <= shares["n"]).all()
