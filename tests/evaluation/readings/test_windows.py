"""Windows: memory holds one at a time; the reading is that of the whole clip."""

import itertools

import numpy as np
import pytest

from attacks.clips.suite import ClipAttack
from evaluation.readings import window
from evaluation.readings.converged import BLOCK, EVERY, Twice, blocks, check_converged
from evaluation.readings.measure import frame_rows, joined, unbroken
from evaluation.readings.source_clip import SourceClip
from evaluation.readings.window import MOST_PIXELS, Plan, attacked, measure_window, windows
from fer_models.smoothing.named import parse_smoothers
from tests.evaluation import tiny

PLAN = Plan(parse_smoothers("mean:4,repeater:3"), (2 / 255, 8 / 255), 2)


class _Counted:
    """Crops that count how many are asked for at once."""

    def __init__(self, crops):
        self.crops, self.asked = crops, []

    def __len__(self):
        return len(self.crops)

    def __getitem__(self, frames):
        self.asked.append(range(*frames.indices(len(self))))
        return self.crops[frames]


def source(count=120):
    rng = np.random.default_rng(0)
    faces = rng.integers(60, 200, (3, 8, 8, 1))
    crops = faces[np.arange(count) * 3 // count] + rng.integers(-9, 9, (count, 8, 8, 1))
    counted = _Counted(crops.astype(np.uint8))
    return SourceClip("walk.mp4", np.arange(count) / 25, {8: counted})


@pytest.mark.parametrize(("count", "side"), [(1, 48), (500, 48), (500, 224), (90_000, 224)])
def test_windows_cover_a_clip_and_are_bounded(count, side):
    found = windows(count, side)
    assert [i for part in found for i in range(part.start, part.stop)] == [*range(count)]
    lengths = [part.stop - part.start for part in found]
    assert max(lengths) * side**2 <= MOST_PIXELS and max(lengths) - min(lengths) <= 1


def test_one_window_of_pixels_is_read_at_a_time(monkeypatch):
    monkeypatch.setattr(window, "MOST_PIXELS", 25 * 8 * 8)
    clip, classifier = source(), tiny.classifier()
    images = []
    attack = window.attack_clip
    monkeypatch.setattr(
        window, "attack_clip", lambda *a: images.append(len(a[1].images)) or attack(*a)
    )
    found = [measure_window(classifier, clip, part, PLAN, 0) for part in windows(120, 8)]
    assert images == [24] * 5
    asked = clip.crops[8].asked
    assert [i for part in asked for i in part] == [*range(120)] and max(map(len, asked)) == 24
    assert all(array.ndim < 3 for arrays in found for array in arrays.values())  # no pixels


def test_smoothing_goes_through_the_borders_of_windows():
    clip, classifier = source(), tiny.classifier()
    parts = [slice(0, 40), slice(40, 80), slice(80, 120)]
    measured = joined([measure_window(classifier, clip, part, PLAN, 0) for part in parts])
    rows = frame_rows(classifier, "walk.mp4", "clean reading", measured, PLAN)
    whole = classifier.logits(clip.images(classifier))
    names = np.array(classifier.scheme.classes)
    for smoother in PLAN.smoothers:
        own = rows[(rows["smoothing"] == smoother.name) & (rows["perturbation"] == "none")]
        assert (own["reading"] == names[smoother.labels(whole)]).all()
        assert own["frame"].tolist() == [*range(120)]
        left = {}
        for (attack, eps), read in rows[rows["smoothing"] == smoother.name].groupby(
            ["perturbation", "eps"]
        ):
            right = (read["reading"] == read["expected"]).to_numpy()
            left[attack, eps] = int((right & (own["reading"] == own["expected"])).sum())
        for eps in PLAN.grid:
            assert left["adaptive", eps] == min(n for (_, e), n in left.items() if e <= eps)
        for attack in set(ClipAttack) - {ClipAttack.NOISE}:
            assert left[attack, PLAN.grid[0]] >= left[attack, PLAN.grid[1]]


def test_noise_differs_from_window_to_window():
    still = SourceClip("x", np.arange(20) / 25, {8: np.full((20, 8, 8, 1), 90, np.uint8)})
    classifier, plan = (
        tiny.classifier(),
        PLAN._replace(smoothers=parse_smoothers("none"), grid=(0.1,)),
    )
    name = attacked(ClipAttack.NOISE, 0.1, plan.smoothers[0])
    first, second = (
        measure_window(classifier, still, part, plan, 0)[name]
        for part in (slice(0, 10), slice(10, 20))
    )
    assert not np.allclose(first, second)


@pytest.mark.parametrize(("count", "number"), [(30, 1), (160, 1), (2 * EVERY, 2), (9 * EVERY, 9)])
def test_blocks_are_spread_over_the_clip(count, number):
    found = blocks(count)
    assert len(found) == number
    assert all(part.stop - part.start == min(BLOCK, count) for part in found)
    assert found[0].start >= 0 and found[-1].stop <= count
    assert all(b.start >= a.stop for a, b in itertools.pairwise(found))


def _block(left, count=40):
    """A block of which the adaptive attack leaves this many of `count` frames unbroken."""
    right, wrong = np.eye(3)[np.zeros(count, int)], np.eye(3)[np.ones(count, int)]
    arrays = {"clean": right, "expected": np.zeros(count, int), "scored": np.ones(count, bool)}
    for attack in ClipAttack:
        for eps in PLAN.grid:
            few = left if attack is ClipAttack.ADAPTIVE else count
            logits = np.where((np.arange(count) < few)[:, None], right, wrong)
            arrays[attacked(attack, eps, PLAN.smoothers[0])] = logits
    return arrays


@pytest.mark.parametrize(("after", "status"), [(20, "ok"), (19, "ok"), (18, "flagged"), (25, "ok")])
def test_twice_the_steps_may_break_one_frame_more_at_most(after, status):
    plan = PLAN._replace(smoothers=PLAN.smoothers[:1], steps=20)
    assert unbroken(plan.smoothers[0], _block(20), _block(20)["clean"]) == 40
    found = check_converged("tiny.fer", "labels", [Twice(_block(20), _block(after))], plan)
    assert (found["status"], found["rule"]) == (status, "R6")
    assert found["value"] == pytest.approx(max(20 - after, 0) / 40)
    assert ("upper bounds. Raise --steps" in found["message"]) == (status == "flagged")
    assert found["message"].startswith("Twice the 20 steps lower robust accuracy at")
