"""The benchmark of brief expressions: what is planted, and how events are matched with it."""

import os
from itertools import pairwise

import numpy as np
import pytest

from benchmarks.brief_expressions import Score, _per_minute, main, score
from benchmarks.planted_expressions import KINDS, PAUSE, RATE, SECONDS, Planted, plan, render
from live.video.brief.expressions import BriefExpression

FACES = np.random.default_rng(0).integers(0, 256, (6, 48, 48), dtype=np.uint8)
LABELS = np.array([0, 0, 3, 3, 3, 6])


def planted(start, end, emotion=3, kind="brief"):
    return Planted(kind, start, end, emotion, FACES[0])


def event(onset, offset, emotion="happy"):
    return BriefExpression(onset, onset, offset - 1 / RATE, emotion, "neutral", 0.5)


def test_plan_has_pauses_and_durations_of_its_kinds():
    found = [
        one
        for seed in range(20)
        for one in plan(np.random.default_rng(seed), FACES, LABELS, [0, 3])
    ]
    for one in found:
        low, high = KINDS[one.kind]
        assert low <= one.end - one.start <= high and one.end <= SECONDS - 2
        assert one.emotion in (0, 3)
        assert any(np.array_equal(one.image, face) for face in FACES[one.emotion == LABELS])
    first = plan(np.random.default_rng(0), FACES, LABELS, [0, 3])
    pauses = [b.start - a.end for a, b in pairwise(first)]
    assert all(PAUSE[0] <= pause <= PAUSE[1] for pause in pauses)
    assert {one.kind for one in found} == set(KINDS)


def test_frames_show_the_expression_while_it_is_planted():
    neutral, other = np.full((48, 48), 60, np.uint8), np.full((48, 48), 180, np.uint8)
    one = Planted("brief", 20.0, 22.0, 3, other)
    frames = render(np.random.default_rng(1), neutral, [one], moving=False)
    light = 255 * frames.mean(axis=(1, 2, 3))
    times = np.arange(len(light)) / RATE
    np.testing.assert_allclose(light[(times > 20.3) & (times < 21.7)], 180, rtol=0.12)
    np.testing.assert_allclose(light[(times < 19.7) | (times > 22.3)], 60, rtol=0.12)
    above = times[light > 120]
    assert (above[0], above[-1]) == pytest.approx((20, 22), abs=0.1)  # half of the blend
    assert (frames >= 0).all() and (frames <= 1).all()
    assert np.ptp(render(np.random.default_rng(1), neutral, [], True).mean(axis=(1, 2, 3))) > 0.02


def test_an_event_must_cover_half_of_both_and_counts_once():
    wanted = [planted(10, 12), planted(20, 21, emotion=0), planted(30, 30.1, kind="flash")]
    assert score(wanted, [event(10.2, 12.1), event(20, 21)]) == Score(2, 2, 1, 0)
    assert score(wanted, [event(11.1, 12), event(10, 14.2)]) == Score(2, 0, 0, 2)
    assert score(wanted, [event(10, 12), event(10, 12), event(30, 30.6)]) == Score(2, 1, 1, 2)
    assert score(wanted, []).plus(Score(1, 1, 1, 1)) == Score(3, 1, 1, 1)


def test_rates_have_exact_intervals():
    assert _per_minute(0, 10) == "0.00 (0.00 to 0.37)"  # 3.69 events
    assert _per_minute(10, 10) == "1.00 (0.48 to 1.84)"  # 4.80 to 18.39


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("DEADPAN_DATA"), reason="set DEADPAN_DATA to FER2013")
def test_planted_expressions_are_found_and_still_faces_have_none(capsys):
    """The floors of precision and recall on clear faces, on a part of the published benchmark."""
    main(os.environ["DEADPAN_DATA"], "vgg_small.fer", clips=3)
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()]
    (clear,) = (row for row in rows if row[1:2] == ["clear"])
    assert int(clear[2]) > 10
    for share in clear[3:5]:
        assert int(share.split(" %")[0]) >= 90
    assert all(rate.startswith("0.00 ") for rate in clear[6:8])
