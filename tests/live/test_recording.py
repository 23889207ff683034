"""Recordings and their summary, on readings made by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from datasets.base.errors import InputError
from datasets.labels import FER7, FERPLUS8
from faces.box import Box
from live import recording as recording_module
from live.reading import Answer, Face, Reading
from live.recording import Recording
from live.server.sessions import MOST_SESSIONS, Sessions
from live.settings import Settings
from live.summary import AttackSummary, summarise


def answer(label, scheme=FER7):
    shares = np.full(scheme.num_classes, 0.1 / (scheme.num_classes - 1))
    shares[scheme.classes.index(label)] = 0.9
    return Answer(f"m.{scheme.name}", scheme.classes, shares, label)


def reading(label, attacked=None, number=1, scheme=FER7):
    box, face = Box(1, 2, 30, 40), np.zeros((48, 48, 1), np.float32)
    after = (answer(attacked, scheme),) if attacked else ()
    hit = face if attacked else None
    entry = Face(number, box, box, face, (answer(label, scheme),), hit, after)
    return Reading(64, 64, (entry,), "", False, {})


def recorded(*readings, attack="", step=1.0):
    found = Recording()
    for i, entry in enumerate(readings):
        found.add(i * step, entry, Settings(attack=attack))
    return found


def test_row_holds_face_probabilities_and_flip():
    table = recorded(reading("happy", "sad"), attack="fgsm").table()
    (row,) = table.to_dict("records")
    assert (row["face"], row["x"], row["height"], row["label"]) == (1, 1, 40, "happy")
    assert (row["happy"], row["attacked_sad"]) == (0.9, 0.9)
    assert (row["attack"], row["eps"], row["attacked_label"], row["flipped"]) == (
        "fgsm",
        4,
        "sad",
        True,
    )


def test_frames_are_counted_also_those_without_a_face():
    empty = Reading(64, 64, (), "", False, {})
    family = replace(reading("happy"), faces=reading("happy").faces + reading("sad").faces)
    table = recorded(family, empty, reading("happy")).table()
    assert table["frame"].tolist() == [0, 0, 2]


def test_clean_rows_have_no_attack():
    (row,) = recorded(reading("happy")).table().to_dict("records")
    assert (row["attack"], row["attacked_label"]) == ("", "") and pd.isna(row["flipped"])
    assert np.isnan(row["eps"]) and "attacked_sad" not in row


def test_corruption_has_no_eps():
    (row,) = recorded(reading("happy", "sad"), attack="fog").table().to_dict("records")
    assert row["attack"] == "fog" and np.isnan(row["eps"])


@pytest.mark.parametrize("attack", ["pgd_glasses", "sticker"])
def test_eps_of_what_is_printed_in_any_grey_is_all_of_it(attack):
    (row,) = recorded(reading("happy", "sad"), attack=attack).table().to_dict("records")
    assert row["eps"] == 255


@pytest.mark.parametrize("chunk", [1, 2, 1000])
def test_chunks_change_nothing(monkeypatch, chunk):
    monkeypatch.setattr(recording_module, "CHUNK", chunk)
    kept = recorded(*[reading("happy")] * 2, *[reading("sad", "fear")] * 3)
    table = kept.table()
    assert len(kept) == len(table) == 5
    assert table["label"].tolist() == ["happy"] * 2 + ["sad"] * 3
    assert table["flipped"].sum() == 3


def test_full_recording_takes_no_more(monkeypatch):
    monkeypatch.setattr(recording_module, "MOST_ROWS", 2)
    kept = recorded(*[reading("happy")] * 5)
    assert kept.full and len(kept) == 2


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_files_hold_the_table(tmp_path, ending):
    kept, path = recorded(reading("happy", "sad"), attack="pgd"), tmp_path / f"session{ending}"
    kept.write(path)
    read = pd.read_csv(path) if ending == ".csv" else pd.read_parquet(path)
    assert read["label"].tolist() == ["happy"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_flips_are_shares_of_attacked_rows_alone(tmp_path, ending):
    """Nobody can say that the attack failed where there was none."""
    kept = recorded(reading("happy", "sad"), reading("happy", "happy"), attack="pgd")
    kept.add(2.0, reading("happy"), Settings())
    found = summarise(kept.table())
    assert found.attacks == (AttackSummary("pgd (10 steps) at eps 4/255", 2, 1),)
    path = tmp_path / f"session{ending}"
    kept.write(path)
    read = pd.read_csv(path) if ending == ".csv" else pd.read_parquet(path)
    assert read["flipped"].astype("boolean").mean() == 0.5


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"\.csv or \.parquet"):
        Recording().write(tmp_path / "session.xlsx")


def test_summary_by_hand():
    """Four seconds: happy, happy, happy, sad; the attack turns two of the four."""
    pairs = [("happy", "happy"), ("happy", "fear"), ("happy", "fear"), ("sad", "sad")]
    found = summarise(recorded(*[reading(*pair) for pair in pairs], attack="fgsm").table())
    assert (found.dominant, found.rows, found.frames, found.people) == ("happy", 4, 4, 1)
    assert found.attacks == (AttackSummary("fgsm at eps 4/255", 4, 2),) and found.seconds == 3.0
    by_name = {entry.name: entry for entry in found.classes}
    assert list(by_name) == list(FER7.classes)
    assert (by_name["happy"].share, by_name["happy"].attacked_share) == (0.75, 0.25)
    assert by_name["fear"].attacked_share == 0.5
    # 3 bins of a second: frames 0 | 1 | 2 and 3
    assert by_name["sad"].over_time == (0, 0, 0.5)
    assert by_name["fear"].attacked_over_time == (0, 1, 0.5)
    assert by_name["happy"].fer2013 == pytest.approx(7215 / 28709)


def test_summary_under_ferplus_knows_that_fer2013_has_no_contempt():
    found = summarise(recorded(reading("contempt", scheme=FERPLUS8)).table())
    by_name = {entry.name: entry for entry in found.classes}
    assert by_name["contempt"].fer2013 is None and by_name["contempt"].share == 1
    assert by_name["happiness"].fer2013 == pytest.approx(7215 / 28709)
    assert by_name["happiness"].attacked_share is None


def test_shares_after_an_attack_are_of_attacked_faces_alone():
    found = Recording()
    found.add(0.0, reading("happy"), Settings())
    found.add(0.1, reading("happy", "sad"), Settings(attack="fgsm"))
    by_name = {entry.name: entry for entry in summarise(found.table()).classes}
    assert by_name["sad"].attacked_over_time == (1,)


def test_time_without_attacks_or_predictions_has_no_shares():
    """Seconds 0, 1 and 4: four intervals, of which the third is empty and the first two clean."""
    found = Recording()
    for seconds in (0.0, 1.0):
        found.add(seconds, reading("happy"), Settings())
    found.add(4.0, reading("happy", "sad"), Settings(attack="fgsm"))
    by_name = {entry.name: entry for entry in summarise(found.table()).classes}
    assert by_name["happy"].over_time == (1, 1, None, 1)
    assert by_name["sad"].attacked_over_time == (None, None, None, 1)


def test_flips_are_told_attack_by_attack():
    """A mean over what the viewer tried would be of no attack at all."""
    found = Recording()
    tried = [
        (Settings(attack="fgsm", eps=4), "sad"),
        (Settings(attack="fgsm", eps=8), "sad"),
        (Settings(attack="pgd", steps=20, target="sad", eps=0.5), "sad"),
        (Settings(attack="fgsm", eps=4, target="sad"), "happy"),
        (Settings(attack="fgsm", eps=4, steps=99, severity=5), "happy"),  # it has neither
        (Settings(attack="fog", severity=2), "happy"),
        (Settings(attack="fog", severity=5, target="sad"), "sad"),
        (Settings(attack="pgd_glasses", eps=1), "sad"),
    ]
    for i, (settings, after) in enumerate(tried):
        found.add(i, reading("happy", after), settings)
    assert [tuple(vars(each).values()) for each in summarise(found.table()).attacks] == [
        ("fgsm at eps 4/255", 2, 1),
        ("fgsm at eps 8/255", 1, 1),
        ("pgd (20 steps) at eps 0.5/255 towards sad", 1, 1),
        ("fgsm at eps 4/255 towards sad", 1, 0),
        ("fog of severity 2", 1, 0),
        ("fog of severity 5", 1, 1),
        ("pgd_glasses (10 steps) at eps 1", 1, 1),
    ]


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_files_tell_what_each_attack_was_given(tmp_path, ending):
    kept = recorded(reading("happy"))
    kept.add(1.0, reading("happy", "sad"), Settings(attack="fog", severity=2, target="sad"))
    kept.add(2.0, reading("happy", "sad"), Settings(attack="pgd", steps=7, target="sad"))
    path = tmp_path / f"session{ending}"
    kept.write(path)
    read = pd.read_csv(path) if ending == ".csv" else pd.read_parquet(path)
    assert read["severity"].fillna(0).tolist() == [0, 2, 0]
    assert read["steps"].fillna(0).tolist() == [0, 0, 7]
    assert read["target"].fillna("").tolist() == ["", "", "sad"]
    if ending == ".csv":
        assert ",fog,,2,,," in path.read_text() and ",pgd,4.0,,7,sad," in path.read_text()


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_recording_without_a_face_is_a_table_without_rows(tmp_path, ending):
    path = tmp_path / f"session{ending}"
    recorded(Reading(64, 64, (), "", False, {})).write(path)
    read = pd.read_csv(path) if ending == ".csv" else pd.read_parquet(path)
    assert list(read)[:9] == list(recorded(reading("happy")).table())[:9] and not len(read)


def test_summary_leaves_out_the_model_read_before():
    table = recorded(reading("happy"), reading("anger", scheme=FERPLUS8)).table()
    found = summarise(table)
    assert (found.model, found.rows, found.left_out) == ("m.ferplus", 1, {"m.fer": 1})
    assert len(found.classes) == 8


def test_nothing_recorded_has_no_summary():
    assert summarise(Recording().table()) is None


def test_oldest_stopped_session_goes_and_names_are_new():
    sessions = Sessions()
    names = [sessions.start() for _ in range(MOST_SESSIONS)]
    for name in (names[5], names[3]):
        sessions.stop(name)
    names.append(sessions.start())
    assert len(set(names)) == len(names)
    assert [name for name in names if sessions.find(name) is None] == [names[3]]
    assert not sessions.add(names[3], 0.0, reading("happy"), Settings())
    assert sessions.stop(names[3]) is None


def test_no_recording_that_runs_is_pushed_out():
    sessions = Sessions()
    names = [sessions.start() for _ in range(MOST_SESSIONS)]
    with pytest.raises(InputError, match="at most 8 recordings"):
        sessions.start()
    assert all(sessions.find(name) is not None for name in names)


def test_stopped_session_takes_no_more():
    sessions = Sessions()
    name = sessions.start()
    for taken in (True, False):
        assert sessions.add(name, 0.0, reading("happy"), Settings()) == taken
        recording = sessions.stop(name)
        assert recording is not None and len(recording) == 1


def test_seconds_count_from_the_first_frame():
    sessions = Sessions()
    name = sessions.start()
    for seconds in (100.0, 101.5):
        sessions.add(name, seconds, reading("happy"), Settings())
    assert sessions.find(name).table()["seconds"].tolist() == [0, 1.5]
