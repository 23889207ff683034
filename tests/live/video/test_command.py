"""The command: folders, --resume, several clips, and one line for each mistake."""

import json
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from datasets.base.errors import InputError
from live.video import command
from live.video.command import read_clips
from live.video.request import ReadingRequest
from tests.live.video.made_clips import grey, write_clip, write_sound


@pytest.fixture(autouse=True)
def tiny_models(monkeypatch, models):
    monkeypatch.setattr(command, "ModelLoader", lambda ids: models)


def ask(clips, out, **options):
    return ReadingRequest(clips=clips, out=out, **{"model": "tiny.fer", **options})


def read(*clips, **options):
    used = []
    wrong = read_clips(ask(list(clips), **options), clips, lambda clip, folder: used.append(folder))
    return wrong, used


def test_resume_does_nothing_twice_and_refuses_another_reading(clip, tmp_path, monkeypatch):
    assert read(clip, out=tmp_path) == (0, [tmp_path / "moving"])
    with pytest.raises(InputError, match=r"holds a reading already\. Add --resume"):
        read(clip, out=tmp_path)
    with pytest.raises(InputError, match=r"its clip, models or options differ"):
        read(clip, out=tmp_path, attack="fgsm", resume=True)
    monkeypatch.setattr(command.ClipReader, "read", None)  # must not be called
    assert read(clip, out=tmp_path, resume=True) == (0, [tmp_path / "moving"])


def test_resume_refuses_what_another_version_began(clip, tmp_path):
    """A mirrored clip, half of it read before frames were mirrored, would be a mixture."""
    read(clip, out=tmp_path)
    path = tmp_path / "moving" / "reading.json"
    known = json.loads(path.read_text())
    before = sorted(file.stat().st_mtime_ns for file in path.parent.iterdir())
    for older in ({**known, "version": 1}, {k: v for k, v in known.items() if k != "version"}):
        path.write_text(json.dumps(older))
        with pytest.raises(InputError, match="of this version of Deadpan only") as caught:
            read(clip, out=tmp_path, resume=True)
        assert "\n" not in str(caught.value)
    path.write_text(json.dumps(known))
    assert len(before) == len(list(path.parent.iterdir()))
    assert read(clip, out=tmp_path, resume=True)[0] == 0


@pytest.mark.parametrize("name", ["reading.json", "faces.parquet"])
@pytest.mark.parametrize("data", [b"", b"[]", b"PAR1" * 90, b"\xff{" * 90])
def test_damaged_reading_is_refused_in_one_line(clip, tmp_path, name, data):
    read(clip, out=tmp_path)
    (tmp_path / "moving" / name).write_bytes(data)
    with pytest.raises(InputError, match=f"{name}: expected .* damaged.*then read again") as caught:
        read(clip, out=tmp_path, resume=True)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_reading_that_is_killed_and_resumed_writes_the_same_files(tmp_path, portrait):
    """SIGKILL between two parts, in a process of its own."""
    images = [np.roll(portrait, i % 40, axis=1) for i in range(1200)]
    path = write_clip(tmp_path / "long.mp4", images)
    arguments = [sys.executable, "-m", "live.video", str(path), "--no-annotated", "--attack"]
    arguments += ["noise", "--eps", "8/255", "--out"]
    subprocess.run([*arguments, str(tmp_path / "whole")], check=True)
    killed = tmp_path / "killed" / "long"
    process = subprocess.Popen([*arguments, str(tmp_path / "killed")])
    while process.poll() is None and not (killed / "parts" / "00000.parquet").exists():
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not (killed / "faces.csv").exists()
    subprocess.run([*arguments, str(tmp_path / "killed"), "--resume"], check=True)
    for name in ("faces.csv", "faces.parquet", "shares.csv", "index.html"):
        assert (killed / name).read_bytes() == (tmp_path / "whole" / "long" / name).read_bytes()


def test_reading_json_says_what_was_read(clip, tmp_path):
    read(clip, out=tmp_path, attack="fgsm", eps="2/255")
    found = json.loads((tmp_path / "moving" / "reading.json").read_text())
    assert (found["frames"], found["notes"]) == (22, [])
    assert found["settings"]["eps"] == pytest.approx(2)
    assert list(found["models"]) == ["tiny.fer"]


def test_doubtful_boxes_are_left_out_and_counted(clip, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "doubtful_tracks", lambda tables: {1: 19})
    read(clip, out=tmp_path)
    rows = pd.read_csv(tmp_path / "moving" / "faces.csv")
    assert rows["frame"].tolist() == list(range(22)) and rows["track"].isna().all()
    line = "19 boxes were left out: seen in fewer than 3 frames, and the face mesh saw no face"
    assert line in capsys.readouterr().err
    assert line in json.loads((tmp_path / "moving" / "reading.json").read_text())["notes"][0]


def test_one_wrong_clip_of_several_is_a_line_and_the_others_are_read(clip, tmp_path, capsys):
    (tmp_path / "bad.mp4").write_bytes(b"MZ\x90\0" * 500)
    wrong, used = read(tmp_path / "bad.mp4", clip, out=tmp_path / "out")
    assert (wrong, used) == (1, [tmp_path / "out" / "moving"])
    assert "bad.mp4: expected a complete clip that FFmpeg can read" in capsys.readouterr().err
    assert not (tmp_path / "out" / "bad").exists()


def test_refused_clip_leaves_nothing(tmp_path):
    sound = write_sound(tmp_path / "a.m4a")
    with pytest.raises(InputError, match="found audio"):
        read(sound, out=tmp_path / "out")
    empty = write_clip(tmp_path / "empty.avi", [], codec="mpeg4")
    with pytest.raises(InputError, match="expected a clip with frames"):
        read(empty, out=tmp_path / "out")
    assert list((tmp_path / "out").rglob("*")) == []


def test_cut_short_clip_is_read_with_a_warning(tmp_path, capsys):
    images = np.random.default_rng(0).integers(0, 255, (60, 48, 64, 3), np.uint8)
    cut = write_clip(tmp_path / "cut.mp4", images, options={"movflags": "faststart"})
    data = cut.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    assert read(cut, out=tmp_path / "out")[0] == 0
    assert "may have been cut short" in capsys.readouterr().err
    rows = (tmp_path / "out" / "cut" / "faces.csv").read_text().splitlines()
    assert 15 < len(rows) < 45


def test_frames_too_small_name_the_clip(tmp_path):
    tiny = write_clip(tmp_path / "tiny.mp4", [grey(80, 8, 8)], codec="mpeg4")
    with pytest.raises(InputError, match=r"tiny\.mp4: an image must be at least 16x16"):
        read(tiny, out=tmp_path / "out")


def test_other_folder_is_not_written_into(clip, tmp_path):
    (tmp_path / "moving").mkdir()
    (tmp_path / "moving" / "thesis.txt").touch()
    with pytest.raises(InputError, match="is not empty and holds no reading"):
        read(clip, out=tmp_path)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"attack": "hug"}, "`attack`.*'hug'"),
        ({"target": "happy"}, "--target needs an --attack that can be aimed.*; got none. Choose"),
        ({"target": "happy", "attack": "jpeg"}, "--target needs an --attack .*; got jpeg. Choose"),
        ({"eps": "200"}, "--eps must be at most 32/255; got 200. Choose one such as 4/255."),
        ({"eps": "300/255"}, "at most 32/255; got 300/255. Choose one such as 4/255."),
        ({"eps": "8"}, r"at most 32/255; got 8\. Did you mean 8/255\?"),
        ({"eps": "four"}, "`eps` must be a number"),
        ({"eps": "8/255"}, "--eps needs an --attack with a radius; got --eps 8/255 with none"),
        ({"eps": "8/255", "attack": "sticker"}, "--eps 8/255 with sticker. Leave it out"),
        ({"steps": 20, "attack": "fgsm"}, "--steps needs an --attack with steps or queries"),
        ({"severity": 5, "attack": "pgd"}, "--severity needs an --attack that is a corruption"),
        ({"beside": "tiny.fer"}, "--beside must be another model than --model; got tiny.fer twice"),
        ({"detector": "eyes"}, "`detector`"),
        ({"model": ""}, "--model must be a model"),
    ],
)
def test_wrong_options(clip, tmp_path, options, reason):
    with pytest.raises(InputError, match=reason) as caught:
        read(clip, out=tmp_path, **options)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_command_line_ends_with_code_2_and_one_line(tmp_path):
    answer = subprocess.run(
        [sys.executable, "-m", "live.video", str(tmp_path / "none.mp4"), "--out", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 2
    (line,) = answer.stderr.strip().splitlines()
    assert line.startswith("error: ") and "found no such path" in line
