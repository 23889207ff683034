"""`--people` and `--person` from photographs to rows and page, with a made net."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from datasets.base.errors import InputError
from live.extract import ExtractRequest, main
from live.video import command
from live.video.command import read_clips
from live.video.page import write_page
from live.video.people import recognizer
from live.video.request import ReadingRequest
from tests.live.video.made_clips import write_clip


class Describer:
    """Crops around the landmarks, and describes by the mean level: dark faces are far away."""

    def crop(self, image, points):
        x, y = points.mean(axis=0).round().astype(int)
        return image[y - 10 : y + 10, x - 10 : x + 10]

    def describe(self, crops):
        found = np.zeros((len(crops), 128))
        found[:, 0] = crops.mean(axis=(1, 2, 3)) / 50
        return found


@pytest.fixture(autouse=True)
def made_net(monkeypatch, models):
    monkeypatch.setattr(recognizer, "FaceDescriber", Describer)
    monkeypatch.setattr(command, "ModelLoader", lambda ids: models)


@pytest.fixture
def people(portrait, tmp_path):
    for name, image in (("Eileen", portrait), ("Dark", portrait // 2)):
        (tmp_path / "people" / name).mkdir(parents=True)
        Image.fromarray(image).save(tmp_path / "people" / name / "photo.png")
    return tmp_path / "people"


@pytest.fixture
def clip(portrait, tmp_path):
    """Light, nobody for a second, then dark."""
    grey = np.full_like(portrait, 128)
    images = [portrait] * 16 + [grey] * 10 + [portrait // 2] * 16
    return write_clip(tmp_path / "two.mp4", images, rate=10)


def read(clip, out, **options):
    request = ReadingRequest(clips=[clip], out=out, model="tiny.fer", **options)
    read_clips(request, [clip], lambda clip, folder: None)
    return out / "two"


def test_faces_are_named_and_the_page_says_who_was_seen(clip, people, tmp_path):
    folder = read(clip, tmp_path / "out", people=people)
    rows = pd.read_csv(folder / "faces.csv")
    assert rows["identity"].tolist()[:16] == ["Eileen"] * 16
    assert rows["identity"][16:26].isna().all()
    assert rows["identity"].tolist()[26:] == ["Dark"] * 16
    compared = rows.dropna(subset="distance_Eileen")
    assert 6 <= len(compared) <= 12  # far from every frame
    assert compared["distance_Eileen"].iloc[0] < 0.2 < compared["distance_Dark"].iloc[0]
    write_page(folder)
    seen = pd.read_csv(folder / "people.csv")
    assert dict(zip(seen["identity"], seen["frames"])) == {"Eileen": 16, "Dark": 16}
    page = (folder / "index.html").read_text()
    assert "<h2>Who was seen</h2>" in page and ">Eileen</td>" in page


def test_strangers_are_unknown_and_nothing_but_distances_is_kept(clip, people, tmp_path):
    (people / "Dark" / "photo.png").unlink()
    (people / "Dark").rmdir()
    folder = read(clip, tmp_path / "out", people=people)
    rows = pd.read_csv(folder / "faces.csv")
    assert rows["identity"].dropna().unique().tolist() == ["Eileen", "unknown"]
    assert sorted(file.name for file in folder.iterdir() if not file.name.startswith(".")) == [
        "faces.csv",
        "faces.parquet",
        "fingerprints.json",  # of generated images
        "reading.json",
    ]


def test_without_people_nobody_is_named(clip, tmp_path):
    folder = read(clip, tmp_path / "out")
    rows = pd.read_csv(folder / "faces.csv")
    assert rows["identity"].isna().all()
    assert not [name for name in rows if name.startswith("distance_")]
    write_page(folder)
    assert not (folder / "people.csv").exists()


def test_resumed_reading_must_have_the_same_people(clip, people, portrait, tmp_path):
    read(clip, tmp_path / "out", people=people)
    known = json.loads((tmp_path / "out" / "two" / "reading.json").read_text())
    assert len(known["people_sha256"]) == 64
    read(clip, tmp_path / "out", people=people, resume=True)
    for other in ({}, {"people": people}):
        Image.fromarray(portrait[1:]).save(people / "Eileen" / "more.png")
        with pytest.raises(InputError, match="differ"):
            read(clip, tmp_path / "out", resume=True, **other)


def test_people_who_look_alike_are_named_in_a_line(clip, people, portrait, tmp_path, capsys):
    (people / "Twin").mkdir()
    Image.fromarray(portrait).save(people / "Twin" / "photo.png")
    read(clip, tmp_path / "out", people=people)
    assert "Eileen and Twin look alike to the net (distance 0.00)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"person": "Eileen"}, "--person needs --people DIR"),
        ({"person": "Eve", "people": True}, r"--person must be a folder of .*Dark, Eileen, or unk"),
    ],
)
def test_person_must_be_among_the_people(options, line, clip, people, tmp_path):
    if "people" in options:
        options = {**options, "people": people}
    request = ExtractRequest(
        clips=[clip], out=tmp_path / "out", model="simple_cnn.fer", emotion="happy", **options
    )
    with pytest.raises(InputError, match=line):
        main(request)
    assert not (tmp_path / "out").exists()
