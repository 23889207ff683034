"""Tracks and blinks over frames, and the same after a replay of the rows."""

import pyarrow as pa
import pytest

from faces.box import Box
from live.video.follow import Follower
from live.video.rows import replay

OPEN, CLOSED = 0.3, 0.1
LEFT, RIGHT = Box(0, 0, 50, 50), Box(100, 0, 50, 50)


def made_frames():
    """The left face blinks at 12 to 13; the right one leaves at 5, and comes back too late."""
    for i in range(40):
        ratios = [CLOSED if i in (12, 13) else OPEN]
        boxes = [LEFT]
        if i < 5 or i > 30:
            boxes, ratios = [LEFT, RIGHT], [*ratios, None]
        yield boxes, ratios, i / 25


def rows_of(frames):
    rows = []
    for i, (boxes, ratios, seconds) in enumerate(frames):
        place = {"frame": i, "seconds": seconds}
        rows += [
            {**place, "x": b.x, "y": b.y, "width": b.width, "height": b.height, "ratio": r}
            for b, r in zip(boxes, ratios)
        ] or [place]
    table = pa.Table.from_pylist(rows)
    return table.rename_columns({"ratio": "eye_aspect_ratio"})


def test_blink_is_counted_and_a_late_face_is_a_new_track():
    follower = Follower()
    found = [follower.update(*frame) for frame in made_frames()]
    assert [one.track for one in found[0]] == [1, 2]
    assert [one.track for one in found[-1]] == [1, 3]
    assert [frames[0].blinks for frames in found] == [0] * 14 + [1] * 26


@pytest.mark.parametrize("kept", [3, 13, 33])
def test_replayed_rows_bring_a_follower_to_the_same_place(kept):
    frames = list(made_frames())
    whole, resumed = Follower(), Follower()
    expected = [whole.update(*frame) for frame in frames][kept:]
    half = kept // 2
    table = rows_of(frames[:kept])
    assert replay(iter([table.slice(0, 2 * half), table.slice(2 * half)]), resumed) == kept
    assert [resumed.update(*frame) for frame in frames[kept:]] == expected


def test_replay_counts_frames_without_a_face():
    follower = Follower()
    assert replay(iter([rows_of([([LEFT], [OPEN], 0.0), ([], [], 0.1)])]), follower) == 2
    assert replay(iter([]), follower) == 0
