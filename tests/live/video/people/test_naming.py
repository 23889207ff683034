"""Names from distances: several frames decide, cuts, strangers, and two faces with one name."""

import numpy as np
import pyarrow as pa
import pytest

from live.video.people.gallery import THRESHOLD, UNKNOWN
from live.video.people.naming import DISTANCE, Naming
from live.video.people.sampling import FIRST, LATER, SOON, Sampling

NEAR, FAR = THRESHOLD - 0.1, THRESHOLD + 0.2
SCHEMA = pa.schema(
    [("frame", pa.int32()), ("track", pa.int32()), ("identity", pa.string())]
    + [(f"{DISTANCE}{name}", pa.float64()) for name in ("Ann", "Bob")]
)


def rows(track, *distances, every=1, start=0):
    """One row per frame; one in `every` is compared, with the next (Ann, Bob)."""
    frames = range(start, start + every * len(distances))
    for i, frame in enumerate(frames):
        row = {"frame": frame, "track": track}
        if i % every == 0:
            row |= dict(zip((f"{DISTANCE}Ann", f"{DISTANCE}Bob"), distances[i // every]))
        yield row


def name(*tracks, names=("Ann", "Bob")):
    both = sorted((row for track in tracks for row in track), key=lambda row: row["frame"])
    table = pa.Table.from_pylist(both, SCHEMA)
    half = len(table) // 2
    naming = Naming([table.slice(0, half), table.slice(half)], names)
    return [(r["track"], r["identity"]) for r in naming.fill(table).to_pylist()]


ANN, BOB, NOBODY = (NEAR, FAR), (FAR, NEAR), (FAR, FAR)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [([ANN] * 5, "Ann"), ([BOB] * 5, "Bob"), ([NOBODY] * 5, UNKNOWN), ([ANN] * 2, UNKNOWN)],
)
def test_nearest_person_below_the_threshold_names_the_track(seen, expected):
    assert name(rows(1, *seen, every=4)) == [(1, expected)] * (4 * len(seen))


def test_one_wrong_frame_changes_nothing():
    assert {who for _, who in name(rows(1, ANN, ANN, BOB, ANN, ANN, NOBODY, ANN))} == {"Ann"}


def test_another_face_in_the_same_track_changes_the_name():
    found = [who for _, who in name(rows(1, *[ANN] * 8, *[BOB] * 8))]
    assert found == ["Ann"] * 8 + ["Bob"] * 8


def test_name_joins_two_tracks():
    found = name(rows(1, *[ANN] * 5), rows(2, *[ANN] * 5, start=50))
    assert set(found) == {(1, "Ann"), (2, "Ann")}


def test_of_two_faces_with_one_name_the_nearer_keeps_it():
    nearer = (NEAR - 0.1, FAR)
    found = name(rows(1, *[ANN] * 5), rows(2, *[nearer] * 5))
    assert set(found) == {(1, UNKNOWN), (2, "Ann")}


def test_frames_without_a_face_and_readings_without_people_have_no_name():
    assert name([{"frame": 0}], rows(1, *[ANN] * 5, start=1))[0] == (None, None)
    assert set(name(rows(1, *[ANN] * 5), names=())) == {(1, None)}


def test_track_is_compared_quickly_at_first_and_then_rarely():
    sampling, times = Sampling(), np.arange(0, 6, 0.04)
    chosen = [t for t in times if sampling.wanted(7, t)]
    gaps = np.diff(chosen)
    assert len(chosen) == FIRST + 5
    np.testing.assert_allclose(gaps[: FIRST - 1], SOON, atol=0.041)
    np.testing.assert_allclose(gaps[FIRST - 1 :], LATER, atol=0.041)
    sampling.forget({8})
    assert sampling.wanted(7, 6.0)
