"""The table of brief expressions of a clip, and its place on the page."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from live.video.brief.events import COLUMNS, EVENTS, write_events
from live.video.brief.view import MOST_EVENTS, too_short, view_events

TIMES = np.arange(0, 30, 0.04)


def rows(track, start, end, identity=""):
    """A face that is neutral but for one happy episode."""
    for frame, seconds in enumerate(TIMES):
        happy = start <= seconds <= end
        yield {
            "frame": frame,
            "seconds": seconds,
            "track": track,
            "identity": identity or None,
            "label": "happy" if happy else "neutral",
            "happy": 0.9 if happy else 0.1,
            "neutral": 0.1 if happy else 0.9,
            "attack": "",
        }


def write_rows(folder, *faces):
    both = sorted((row for face in faces for row in face), key=lambda row: row["frame"])
    pq.write_table(pa.Table.from_pylist(both), folder / "faces.parquet")


def test_two_faces_at_once_have_their_own_events(tmp_path):
    write_rows(tmp_path, rows(1, 10, 12), rows(2, 11, 12, "Ann"))
    found, seen = write_events(tmp_path)
    assert seen == pytest.approx({1: 29.96, 2: 29.96})
    assert found["track"].tolist() == [1, 2]
    assert found["identity"].tolist() == ["", "Ann"]
    onsets, offsets = found["onset_seconds"].to_numpy(), found["offset_seconds"].to_numpy()
    np.testing.assert_allclose(onsets, [10, 11], atol=0.09)
    np.testing.assert_allclose(offsets, [12, 12], atol=0.09)
    assert set(found["emotion"]) == {"happy"} and set(found["baseline"]) == {"neutral"}
    again = pd.read_csv(tmp_path / EVENTS, keep_default_na=False)
    pd.testing.assert_frame_equal(again, found, check_dtype=False)
    lines = view_events(found, 30, seen).lines
    assert [(line.name, line.emotion) for line in lines] == [("Ann", "happy"), ("face 1", "happy")]
    assert lines[1].marks[0].x == onsets[0] / 30


def test_clip_without_events_has_the_columns(tmp_path):
    write_rows(tmp_path, rows(1, 50, 60))
    assert write_events(tmp_path).events.empty
    assert (tmp_path / EVENTS).read_text() == ",".join(COLUMNS) + "\n"


def test_page_shows_the_first_events():
    row = (1, "unknown", "sad", "neutral", 1.0, 1.5, 2.0, 0.5)
    view = view_events(
        pd.DataFrame([row] * (MOST_EVENTS + 2), columns=list(COLUMNS)), 9.0, {1: 12.0}
    )
    assert (view.count, len(view.events), view.left_out) == (MOST_EVENTS + 2, MOST_EVENTS, 2)
    assert [line.name for line in view.lines] == ["face 1"]


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({}, ""),
        ({1: 10.0, 2: 80.0}, ""),
        ({4: 6.24}, "the face was seen for less than the 10 s of a baseline, 6.2 s"),
        ({1: 9.9, 2: 80.0}, "1 of 2 faces was seen for less than the 10 s of a baseline"),
        ({1: 2.0, 2: 0.0, 3: 40.0}, "2 of 3 faces were seen for less than the 10 s of a baseline"),
    ],
)
def test_faces_seen_too_briefly_are_counted(seen, words):
    assert too_short(seen) == words
