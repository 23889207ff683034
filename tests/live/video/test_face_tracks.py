"""Crops of the faces of a clip over time."""

import numpy as np

from live.video.clip import open_clip
from live.video.face_tracks import face_tracks
from live.video.find import FaceFinder
from tests.live.video.conftest import FRAMES, GONE


def test_a_face_keeps_its_crops_and_times(clip):
    finder = FaceFinder("blazeface", 40, (48,))
    with open_clip(clip) as opened:
        (track,), to_end = face_tracks(opened, finder, 60.0, lambda *_: None)
    assert to_end and track.number == 1
    assert track.frames.tolist() == [i for i in range(FRAMES) if i not in GONE]
    np.testing.assert_allclose(track.seconds, track.frames / 10, atol=0.01)
    assert track.crops[48].shape == (len(track.frames), 48, 48, 1)
    assert track.crops[48].dtype == np.uint8
    frame_by_frame = []
    with open_clip(clip) as opened:
        for frame in opened.frames():
            frame_by_frame += [face.crops[48] for face in finder.find(frame).faces]
    assert (np.stack(frame_by_frame) == track.crops[48]).all()


def test_a_clip_is_read_only_so_far(clip):
    with open_clip(clip) as opened:
        (track,), to_end = face_tracks(
            opened, FaceFinder("blazeface", 40, (48,)), 0.5, lambda *_: None
        )
    assert not to_end and track.frames.tolist() == [0, 1, 2, 3, 4]
