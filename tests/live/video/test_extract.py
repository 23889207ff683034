"""Runs of one expression, and the pictures and clip of them."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from datasets.base.errors import InputError
from faces.box import Box
from live.extract import ExtractRequest, main
from live.reading import Answer, Face
from live.video.clip import open_clip
from live.video.extracted import write_extracted
from live.video.runs import Run, Sight, find_runs

BOX = Box(10, 10, 20, 20)


def face(track, label):
    shares = np.array([1.0, 0.0]) if label == "calm" else np.array([0.0, 1.0])
    answer = Answer("m", ("calm", "wild"), shares, label)
    return Face(track, BOX, BOX, np.empty((0, 0, 1)), (answer,))


def frames(*words):
    """Each word is a frame: `c` a calm face, `w` a wild one, `-` none; the place is the track."""
    names = {"c": "calm", "w": "wild"}
    for i, word in enumerate(words):
        yield (
            i,
            tuple(
                face(track, names[letter]) for track, letter in enumerate(word, 1) if letter != "-"
            ),
        )


def spans(runs):
    return [(run.track, run.sights[0].frame, run.sights[-1].frame) for run in runs]


def test_runs_end_with_another_label_a_gap_and_the_clip():
    words = ["w", "w", "c", "w", "w", "w", "-", "w", "w"]
    assert spans(find_runs(frames(*words), "wild", 1)) == [(1, 0, 1), (1, 3, 5), (1, 7, 8)]
    assert spans(find_runs(frames(*words), "wild", 3)) == [(1, 3, 5)]
    assert find_runs(frames(*words), "wild", 4) == []


def test_two_faces_have_their_own_runs_unless_only_one_is_wanted():
    words = ["ww", "wc", "w-", "w-", "ww", "-w"]
    assert spans(find_runs(frames(*words), "wild", 2)) == [(1, 0, 4), (2, 4, 5)]
    assert spans(find_runs(frames(*words), "wild", 2, only_one_face=True)) == [(1, 2, 3)]


def test_pictures_are_of_their_frames_and_the_clip_shows_run_after_run(clip, tmp_path):
    one = Run(1, tuple(Sight(i, Box(80, 40, 100, 100)) for i in (2, 3, 4)))
    two = Run(2, tuple(Sight(i, Box(0, 0, 50, 50)) for i in (3, 4)))
    write_extracted(clip, tmp_path, "happy", [one, two], lambda done, total: None)
    names = sorted(file.name for file in (tmp_path / "happy").iterdir())
    places = [(1, 2), (1, 3), (1, 4), (2, 3), (2, 4)]
    assert names == [f"track{track}-frame00000{frame}.png" for track, frame in places]
    with open_clip(clip) as opened:
        frame = next(opened.frames(3)).image
    picture = np.asarray(Image.open(tmp_path / "happy" / "track1-frame000003.png"))
    np.testing.assert_array_equal(picture, frame[20:160, 60:200])  # 1.4 sides around the center
    corner = np.asarray(Image.open(tmp_path / "happy" / "track2-frame000003.png"))
    assert corner.shape == (70, 70, 3) and (corner[:10, :10] == frame[0, 0]).all()
    with open_clip(tmp_path / "happy.mp4") as joined:
        shown = list(joined.frames())
    assert [f.seconds for f in shown] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4], abs=1e-4)
    change = [np.abs(a.image.astype(int) - b.image).mean() for a, b in pairwise(shown)]
    assert np.argmax(change) == 2  # from the first run to the second


def test_second_call_leaves_no_picture_of_the_first(clip, tmp_path):
    for frame in (2, 5):
        run = Run(1, (Sight(frame, BOX),))
        write_extracted(clip, tmp_path, "happy", [run], lambda done, total: None)
    assert [file.name for file in (tmp_path / "happy").iterdir()] == ["track1-frame000005.png"]


def test_emotion_must_be_a_class_of_the_model(clip, tmp_path):
    request = ExtractRequest(clips=[clip], out=tmp_path, model="simple_cnn.fer", emotion="bored")
    with pytest.raises(InputError, match=r"a class of simple_cnn\.fer: angry, .*; got 'bored'"):
        main(request)
    assert list(tmp_path.iterdir()) == []


def test_command_cuts_out_what_the_rows_say(clip, tmp_path, capsys):
    """A shipped model on the portrait, which smiles."""
    request = ExtractRequest(
        clips=[clip],
        out=tmp_path,
        model="simple_cnn.fer",
        emotion="happy",
        frames=4,
        only_one_face=True,
    )
    assert main(request) == 0
    rows = pd.read_csv(tmp_path / "moving" / "faces.csv")
    happy = rows[rows["label"] == "happy"]["frame"]
    pictures = list((tmp_path / "moving" / "happy").glob("*.png"))
    assert 4 <= len(pictures) <= len(happy)
    assert f"happy in {len(pictures)} faces, runs: " in capsys.readouterr().out
    again = ExtractRequest(
        clips=[clip], out=tmp_path, model="simple_cnn.fer", emotion="disgust", resume=True
    )
    assert main(again) == 0
    assert "no face showed disgust for 5 frames in a row" in capsys.readouterr().out
    longer = replace(again, emotion="happy", frames=23)
    assert main(longer) == 0
    assert "no face showed happy for 23 frames in a row" in capsys.readouterr().out
    left = {file.name for file in (tmp_path / "moving").iterdir()}
    assert not left & {"happy", "happy.mp4"}, "pictures of an earlier call contradict the message"


def test_backend_is_quiet_before_people_are_looked_for(clip, tmp_path, monkeypatch):
    """The look at --people imports Keras, whose chatter is no message to the user."""
    done = []
    monkeypatch.setattr("fer_models.backend.quiet_backend", lambda: done.append("quiet"))
    monkeypatch.setattr("live.extract._check_person", lambda request: done.append("person"))
    monkeypatch.setattr("live.video.command.read_clips", lambda *arguments: 0)
    request = ExtractRequest(clips=[clip], out=tmp_path, emotion="happy", person="Ada")
    assert main(request) == 0
    assert done == ["quiet", "person"]
