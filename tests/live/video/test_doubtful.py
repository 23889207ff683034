"""Boxes without landmarks in tracks that end at once are left out; everything else stays."""

import pyarrow as pa

from live.video.doubtful import doubtful_tracks, without_tracks

SCHEMA = pa.schema(
    [
        ("frame", pa.int32()),
        ("seconds", pa.float64()),
        ("track", pa.int32()),
        ("label", pa.string()),
        ("eye_aspect_ratio", pa.float64()),
    ]
)


def table(*rows):
    """Rows of (frame, track, eye aspect ratio); without a track, a frame without a face."""
    return pa.Table.from_pylist(
        [
            {
                "frame": frame,
                "seconds": frame / 10,
                "track": track,
                "label": None if track is None else "sad",
                "eye_aspect_ratio": ratio,
            }
            for frame, track, ratio in rows
        ],
        SCHEMA,
    )


def test_track_must_be_short_and_without_landmarks_in_all_parts():
    first = table((0, 1, 0.3), (0, 2, None), (1, 2, None), (2, 3, None), (3, None, None))
    second = table((4, 3, None), (5, 3, None), (6, 4, 0.2), (7, 5, None), (8, 5, 0.2))
    # 1 and 4 have landmarks, 3 lasts for three frames over both parts, 5 has landmarks once
    assert doubtful_tracks([first, second]) == {2: 2}


def test_rows_leave_but_every_frame_keeps_one():
    rows = table((0, 1, 0.3), (0, 2, None), (1, 2, None), (1, 3, None), (2, None, None))
    found = without_tracks(rows, {2: 2, 3: 1})
    assert found.schema == SCHEMA
    assert found.to_pylist() == table((0, 1, 0.3), (1, None, None), (2, None, None)).to_pylist()
    assert without_tracks(rows, {}) is rows
