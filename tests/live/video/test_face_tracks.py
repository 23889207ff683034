"""Crops of the faces of a clip over time."""

from types import SimpleNamespace

import numpy as np
import pytest

from datasets.base.errors import InputError
from faces.box import Box
from live.video.clip import open_clip
from live.video.face_tracks import face_tracks
from live.video.find import FaceFinder
from tests.live.video.conftest import FRAMES, GONE
from tests.live.video.made_clips import grey, write_clip


def test_a_face_keeps_its_crops_and_times(clip):
    finder = FaceFinder("blazeface", 40, (48,))
    with open_clip(clip) as opened:
        (track,), notes = face_tracks(opened, finder, 60.0, lambda *_: None)
    assert notes == [] and track.number == 1
    assert track.frames.tolist() == [i for i in range(FRAMES) if i not in GONE]
    np.testing.assert_allclose(track.seconds, track.frames / 10, atol=0.01)
    assert len(track.crops[48]) == len(track.frames)
    frame_by_frame = []
    with open_clip(clip) as opened:
        for frame in opened.frames():
            frame_by_frame += [face.crops[48] for face in finder.find(frame).faces]
    crops = track.crops[48][:]
    assert crops.dtype == np.uint8
    assert (np.stack(frame_by_frame) == crops).all()
    assert (track.crops[48][3:5] == crops[3:5]).all()


def test_a_clip_is_read_only_so_far(clip):
    with open_clip(clip) as opened:
        (track,), _ = face_tracks(opened, FaceFinder("blazeface", 40, (48,)), 0.5, lambda *_: None)
    assert track.frames.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("seconds", "cut_short"), [(0.5, 0), (60.0, 1)])
def test_notes_on_the_file_are_kept_where_reading_stops_on_purpose(tmp_path, seconds, cut_short):
    path = write_clip(
        tmp_path / "a.mp4",
        [grey(90, 1936)] * 50,
        encoding={"x264-params": "tff=1"},
        options={"movflags": "faststart"},
    )
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 9 // 10])
    with open_clip(path) as opened:
        _, notes = face_tracks(opened, _Scripted(), seconds, lambda *_: None)
    begins = [note.split(" ")[0] for note in notes]
    assert begins.count("Interlaced") == 1
    assert "Frames of 1936x48 are searched for faces at 1920 pixels." in notes
    assert sum("cut short" in note for note in notes) == cut_short


class _Scripted:
    """Finds one face in the middle of each frame; of given frames none, or an error."""

    sides = (4,)

    def __init__(self, without=(), fault=None):
        self.without, self.fault = without, fault

    def find(self, frame):
        if frame.index == self.fault:
            raise InputError("images must be at least 16x16; got 8x8.")
        face = SimpleNamespace(box=Box(9, 9, 9, 9), crops={4: np.full((4, 4, 1), frame.index)})
        face.crops[4] = face.crops[4].astype(np.uint8)
        faces = () if frame.index in self.without else (face,)
        return SimpleNamespace(index=frame.index, seconds=frame.seconds, faces=faces)


def _read(count, **script):
    frames = [SimpleNamespace(index=i, seconds=i / 10) for i in range(count)]
    opened = SimpleNamespace(
        frames=lambda: iter(frames), expected=count, notes=[], sizes={}, path="x.mp4"
    )
    return face_tracks(opened, _Scripted(**script), 60.0, lambda *_: None)


def test_a_face_that_comes_back_after_a_long_gap_is_another_track():
    """Whoever sits there by then is not known to be the same person."""
    tracks, _ = _read(30, without=range(10, 20))
    assert [track.frames.tolist() for track in tracks] == [[*range(10)], [*range(20, 30)]]
    assert [int(crop.max()) for crop in tracks[1].crops[4][2:4]] == [22, 23]


def test_a_frame_that_cannot_be_searched_ends_the_clip_unless_it_is_the_first():
    (track,), (note,) = _read(9, fault=6)
    assert len(track.frames) == 6 and note.startswith("Reading ended at 0.6 s: images must be")
    with pytest.raises(InputError, match=r"^x\.mp4: images must be"):
        _read(9, fault=0)


def test_crops_are_on_disk():
    (track,), _ = _read(9)
    assert isinstance(track.crops[4]._every, np.memmap)
