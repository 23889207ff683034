"""The summary page of a clip."""

import json
import re

import pandas as pd
import pytest

from live.settings import Settings
from live.video.brief.events import COLUMNS, FoundEvents
from live.video.clip import open_clip
from live.video.page import write_page
from live.video.reading_folder import describe_reading, write_description
from live.video.speech.spoken import write_speech
from live.video.speech.words import read_words
from tests.live.video.speech.test_spoken import Parrot
from tests.live.video.speech.test_words import Colours


@pytest.fixture
def folder(reader, clip, attack_settings, tmp_path):
    parts = reader.parts_in(tmp_path)
    with open_clip(clip) as opened:
        frames, notes = reader.read(opened, parts, lambda done, total: None)
    parts.join()
    known = describe_reading(clip, attack_settings, reader.labeller.classifiers, "blazeface", 40)
    write_description(tmp_path, {**known, "frames": frames, "notes": [*notes, "It <was> cut."]})
    return tmp_path


def test_page_says_what_the_rows_say(folder):
    line = write_page(folder)
    rows = pd.read_csv(folder / "faces.csv").dropna(subset="label")
    top, flips = rows["label"].mode()[0], int(rows["flipped"].sum())
    assert line == (
        f"predictions: 19, in 19 of 22 frames, most often {top}, {flips} of 19 flipped, "
        "brief expressions: 0 (the face was seen for less than the 10 s of a baseline, 2.1 s)"
    )
    page = (folder / "index.html").read_text()
    assert f"<h1>{top.capitalize()} was the most frequent prediction</h1>" in page
    assert "3 of them without a face" in page and "fgsm at eps 4/255" in page
    assert f"{100 * flips / 19:.1f} %" in page and "<dt>flipped by fgsm at eps 4/255</dt>" in page
    assert '<span class="quiet ends"><span>0.0 s</span><span>2.1 s</span></span>' in page
    beside = 100 * rows["beside_flipped"].astype(bool).mean()
    assert "<b>tiny.ferplus</b> saw the same faces" in page and f"{beside:.1f} % of its" in page
    assert "It &lt;was&gt; cut." in page
    assert "<video" not in page  # none was drawn
    assert "No brief expression was found" in page
    assert (
        "The face was seen for less than the 10 s of a baseline" in page
        and "how the face always looks" in page
    )
    assert (folder / "events.csv").exists() and 'href="events.csv"' in page
    assert not re.search(r"""(?:src|href)=["'](?:https?:|/)""", page)  # opens without a server


def test_shares_are_those_of_the_rows(folder):
    write_page(folder)
    shares = pd.read_csv(folder / "shares.csv")
    rows = pd.read_csv(folder / "faces.csv").dropna(subset="label")
    assert shares["predictions"].sum() == len(rows)
    assert (shares["to_seconds"] - shares["from_seconds"]).min() > 0.25 - 1e-4
    for name in ("happy", "attacked_happy"):
        column = "attacked_label" if name.startswith("attacked") else "label"
        expected = (rows[column] == "happy").mean()
        weighted = (shares[name] * shares["predictions"]).sum() / len(rows)
        assert weighted == pytest.approx(expected, abs=1e-3)


def test_page_without_an_attack_says_nothing_of_attacks(folder):
    rows = pd.read_parquet(folder / "faces.parquet")
    after = [name for name in rows if "attacked_" in name and not name.endswith("attacked_label")]
    plain = rows.drop(columns=after).assign(attack="", attacked_label="", beside_attacked_label="")
    plain = plain.assign(flipped=None, beside_flipped=None, eps=None)
    plain.to_parquet(folder / "faces.parquet")
    known = json.loads((folder / "reading.json").read_text())
    settings = Settings(model="tiny.fer", second="tiny.ferplus").model_dump()
    write_description(folder, {**known, "settings": settings})
    assert "flipped" not in write_page(folder)
    text = re.sub("<style>.*?</style>", "", (folder / "index.html").read_text(), flags=re.S)
    assert "<b>tiny.ferplus</b> saw the same faces" in text
    assert "flip" not in text and "attacked" not in text


def test_who_was_seen_fits_on_a_phone(folder):
    """Each cell has the name of its column, which a narrow page shows in place of the head."""
    rows = pd.read_parquet(folder / "faces.parquet")
    name = rows["label"].where(rows["label"].isna(), "Ada")
    rows.assign(identity=name, distance_Ada=0.25).to_parquet(folder / "faces.parquet")
    write_page(folder)
    page = (folder / "index.html").read_text()
    (section,) = re.findall("<h2>Who was seen</h2>.*?</table>", page, re.S)
    heads = re.findall("<th>(.*?)</th>", section)
    assert re.findall('<td data-of="(.*?)">', section) == heads
    assert ".stacks,.stacks :is(tbody,td){display:block}" in page
    assert ".stacks td::before{content:attr(data-of)" in page


def test_clip_without_a_face_has_a_page(folder):
    rows = pd.read_parquet(folder / "faces.parquet")
    empty = rows[["frame", "seconds"]].reindex(columns=rows.columns)
    empty.to_parquet(folder / "faces.parquet")
    assert write_page(folder) == "no face in 22 frames"
    page = (folder / "index.html").read_text()
    assert "<h1>No face was found</h1>" in page and "shares.csv" not in page


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(model="tiny.fer"), "Faces were searched with blazeface."),
        (
            Settings(model="tiny.fer", attack="square", steps=7),
            "with square (7 queries) at eps 4/255.",
        ),
        (Settings(model="tiny.fer", attack="fog", severity=2), "attacked with fog of severity 2."),
        (
            Settings(model="tiny.fer", attack="pgd", eps=0.5, target="sad"),
            "attacked with pgd (10 steps) at eps 0.5/255 towards sad.",
        ),
    ],
)
def test_attack_is_named(folder, settings, words):
    known = json.loads((folder / "reading.json").read_text())
    write_description(folder, {**known, "settings": settings.model_dump()})
    write_page(folder)
    assert words in (folder / "index.html").read_text()


def test_page_shows_what_was_said(folder, clip, capsys):
    write_speech(clip, folder, Parrot(), Colours(), lambda done, total: None)
    line = write_page(folder)
    words = read_words(folder)
    fits, counted = (words["agreement"] == "agrees").sum(), (words["agreement"] != "").sum()
    assert counted == 2
    assert line.endswith(f"; words: 4, emotional: 2, of which the face fits {50 * fits} %")
    page = (folder / "index.html").read_text()
    assert f"The face fits {50 * fits} % of the emotional words" in page
    assert "&lt;grey&gt;" in page and "<grey>" not in page
    assert 'href="words.csv"' in page and "language: en" in page
    assert "face: " in page and "an English lexicon" not in page  # only VADER has one


def test_brief_expression_is_on_the_page_with_its_limits(folder, monkeypatch):
    event = (1, "", "sad", "neutral", 0.4, 0.9, 1.2, 0.4567)
    found = pd.DataFrame([event], columns=list(COLUMNS))
    monkeypatch.setattr(
        "live.video.page.write_events", lambda folder: FoundEvents(found, {1: 20.0})
    )
    assert write_page(folder).endswith(", brief expressions: 1")
    page = (folder / "index.html").read_text()
    assert "<h2>1 brief expression</h2>" in page and "no sign of a lie" in page
    cells = re.findall("<td data-of=.*?>(.*?)</td>", page)
    assert cells == ["face 1", "sad", "neutral", "0:00.40", "0:00.90", "0:01.20", "46 points"]
