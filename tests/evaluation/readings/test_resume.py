"""A measurement of clips that is killed, resumed, or has a clip that cannot be read."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from skimage.data import astronaut

from datasets.base.errors import InputError
from evaluation import video
from evaluation.readings import measured_clips
from evaluation.results.reading import MeasuredReading
from evaluation.stages import fingerprints
from evaluation.video import main
from tests.evaluation.readings.test_command import request
from tests.live.video.made_clips import write_clip

FILES = ("results.csv", "frames.parquet")
_measure_window = measured_clips.measure_window


class _Killed(BaseException):
    pass


@pytest.fixture
def calls(monkeypatch):
    """Windows and blocks that were measured; measuring number `calls.last` kills the command."""

    class Calls(list):
        last = None

    made = Calls()

    def measure(classifier, source, frames, plan, *rest):
        if len(made) == made.last:
            raise _Killed
        made.append((source.name, frames.start, frames.stop, plan.steps))
        return _measure_window(classifier, source, frames, plan, *rest)

    monkeypatch.setattr(measured_clips, "measure_window", measure)
    monkeypatch.setattr("reports.readings.page.write_page", lambda out: out)
    return made


@pytest.mark.slow
def test_a_killed_command_continues_with_what_it_lacks(tmp_path, calls):
    asked = {"planted": 1, "smoothing": "none", "steps": 1}
    main(request(tmp_path / "whole", **asked))
    every = list(calls)
    assert len(every) == len(set(every)) == 1 + 2  # a window, and a block twice
    for last in (1, 2):
        out = tmp_path / f"killed {last}"
        calls.clear()
        calls.last = last
        with pytest.raises(_Killed):
            main(request(out, **asked))
        assert not (out / "results.csv").exists()
        calls.last = None
        main(request(out, resume=True, **asked))
        assert calls == every  # each once
        for name in FILES:
            assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    damaged, *_ = sorted(out.glob("measured/*/chunk-*"))
    damaged.write_bytes(damaged.read_bytes()[:-99])
    main(request(out, resume=True, **asked))
    assert len(calls) == len(every) + 1  # the damaged one again
    assert (out / FILES[0]).read_bytes() == (tmp_path / "whole" / FILES[0]).read_bytes()


def test_another_folder_or_question_is_refused(tmp_path, calls):
    out, asked = tmp_path / "out", {"planted": 1, "smoothing": "none"}
    calls.last = 1
    with pytest.raises(_Killed):
        main(request(out, **asked))
    with pytest.raises(InputError, match=r"holds a run already\. Add --resume, or name another"):
        main(request(out, **asked))
    with pytest.raises(InputError, match="its data, weights or options differ"):
        main(request(out, resume=True, **{**asked, "steps": 3}))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(InputError, match="is not empty and holds no run"):
        main(request(tmp_path / "mine", **asked))
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def _bad(path):
    path.write_bytes(b"MZ this is no clip")
    return path


def test_a_bad_clip_among_several_is_left_out_and_the_page_says_so(tmp_path, capsys):
    portrait = astronaut()[:256, 96:352]
    images = [np.roll(portrait, i % 9, axis=1) for i in range(30)]
    good, bad = write_clip(tmp_path / "good.mp4", images), _bad(tmp_path / "bad.mp4")
    out = tmp_path / "out"
    code = main(request(out, clips=[bad, good], planted=0, data=None, smoothing="none", steps=1))
    assert code == 1
    line, *_ = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"{bad}: left out: expected a complete clip")
    found = MeasuredReading(out)
    assert [clip["name"] for clip in found.manifest["clips"]] == ["good.mp4"]
    page = (out / "index.html").read_text()
    assert "bad.mp4: left out: expected a complete clip" in page and str(tmp_path) not in line[9:]


def test_a_single_bad_clip_ends_the_command_before_anything_is_measured(tmp_path, calls):
    bad = _bad(tmp_path / "bad.mp4")
    with pytest.raises(InputError, match="expected a complete clip"):
        main(request(tmp_path / "out", clips=[bad], planted=2))
    assert calls == [] and not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("chunks", [1, 3])
def test_sigkill_and_resume_give_the_same_bytes(tmp_path, chunks):
    arguments = [sys.executable, "-m", "evaluation.video", "--data", "sample", "--models"]
    arguments += ["tiny.fer", "--planted", "2", "--steps", "3", "--out"]
    subprocess.run([*arguments, str(tmp_path / "whole")], check=True)
    killed = tmp_path / "killed"
    process = subprocess.Popen([*arguments, str(killed)])
    while process.poll() is None and len([*killed.glob("measured/*/chunk-*")]) < chunks:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed / "results.csv").exists()
    kept = {path: path.stat().st_mtime_ns for path in killed.glob("measured/*/chunk-*")}
    subprocess.run([*arguments, str(killed), "--resume"], check=True)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    for name in FILES:
        assert (killed / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_model_that_changed_ends_the_command_before_its_figures(tmp_path, monkeypatch):
    changed = {"model": "tiny.fer", "status": "flagged", "message": "The model gives other logits."}
    monkeypatch.setattr(video, "_measure", lambda *_: ([], 0))
    monkeypatch.setattr(fingerprints, "check_again", lambda *_: [changed])
    with pytest.raises(InputError, match=r"^tiny\.fer: The model gives other logits"):
        main(request(tmp_path / "run", planted=1))
    assert not (tmp_path / "run" / "results.csv").exists()
