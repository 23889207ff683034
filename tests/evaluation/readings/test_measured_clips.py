"""What was measured is kept: killed anywhere, continued, the same rows, and nothing twice."""

from types import SimpleNamespace

import numpy as np
import pytest

from attacks.clips.suite import ClipAttack
from datasets.labels import FER7
from evaluation.readings import measured_clips, window
from evaluation.readings.kept import Kept
from evaluation.readings.measured_clips import MeasuredClips
from evaluation.readings.source_clip import SourceClip
from evaluation.readings.window import Plan, attacked
from fer_models.smoothing.named import parse_smoothers

PLAN = Plan(parse_smoothers("mean:4"), (1 / 255,), 3)


class _Model(SimpleNamespace):
    """A model that draws nothing at random."""

    def with_draws(self, factor: int) -> "_Model":
        return self


MODEL = _Model(id="tiny.fer", weights_sha256="a", face_side=8, scheme=FER7)
FRAMES = 300


class _Killed(BaseException):
    pass


class _Measured(list):
    """Replaces `measure_window`: remembers what was asked, and is killed at number `last`."""

    last: int | None = None

    def __call__(self, classifier, source, frames, plan, seed, step):
        if len(self) == self.last:
            raise _Killed
        self.append((source.name, frames.start, frames.stop, plan.steps))
        count, rng = frames.stop - frames.start, np.random.default_rng([seed, frames.start])
        clean = rng.normal(size=(count, 7)).astype(np.float32)
        names = [attacked(attack, PLAN.grid[0], s) for attack in ClipAttack for s in plan.smoothers]
        return {
            "seconds": source.seconds[frames],
            "expected": clean.argmax(axis=1),
            "scored": np.ones(count, bool),
            "clean": clean,
            **{name: rng.normal(size=(count, 7)).astype(np.float32) for name in names},
        }


@pytest.fixture
def calls(monkeypatch):
    made = _Measured()
    monkeypatch.setattr(measured_clips, "measure_window", made)
    monkeypatch.setattr(window, "MOST_PIXELS", 100 * 8 * 8)
    return made


def measure(folder, on_damage=print, model=MODEL):
    """Two clips of three windows and a block each, the second clip first."""
    seconds, crops = np.arange(FRAMES) / 25, np.zeros((FRAMES, 8, 8, 1), np.uint8)
    measured = MeasuredClips(Kept(folder, "as asked", on_damage), [model], PLAN, seed=0)
    for number in (1, 0):
        measured.add(SourceClip(f"clip {number}", seconds, {8: crops}), number)
    return measured


def test_killed_anywhere_it_continues_with_what_it_lacks(tmp_path, calls):
    whole = measure(tmp_path / "whole")
    every = list(calls)
    assert len(every) == len(set(every)) == 2 * (3 + 2)
    assert whole.frames["clip"].drop_duplicates().tolist() == ["clip 0", "clip 1"]
    for last in range(len(every)):
        folder = tmp_path / str(last)
        calls.clear()
        calls.last = last
        with pytest.raises(_Killed):
            measure(folder)
        calls.last = None
        again = measure(folder)
        assert calls == every  # each once
        assert again.frames.equals(whole.frames) and again.checks == whole.checks
        assert again.clips == whole.clips


def test_a_damaged_chunk_is_measured_again(tmp_path, calls):
    whole, told = measure(tmp_path).frames, []
    damaged, *_ = sorted(tmp_path.glob("measured/*/chunk-*"))
    damaged.write_bytes(damaged.read_bytes()[:-99])
    done = len(calls)
    assert measure(tmp_path, told.append).frames.equals(whole)
    assert len(calls) == done + 1 and str(damaged) in told[0]


def test_twice_the_steps_are_tried_on_each_kind_of_clip(tmp_path, calls):
    (check,) = measure(tmp_path).checks
    assert (check["rule"], check["attacked_labels"]) == ("R6", "clean reading")
    assert [call[1:] for call in calls if call[3] == 2 * PLAN.steps] == [(125, 175, 6)] * 2


def test_other_weights_of_the_same_id_are_measured_anew(tmp_path, calls):
    measure(tmp_path)
    every = list(calls)
    calls.clear()
    measure(tmp_path)
    assert calls == []
    measure(tmp_path, model=_Model(**{**vars(MODEL), "weights_sha256": "b"}))
    assert calls == every
