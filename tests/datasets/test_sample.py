"""The embedded sample: what its file may hold, and how it is read as a data source."""

from pathlib import Path

import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.default_data import data_or_default
from datasets.export import export_csv, export_folders
from datasets.faceset import Split
from datasets.labels import LabelSet
from datasets.read import load, open_source
from datasets.sample import read_sample, write_sample
from datasets.sample.faces import FILE, HOW_TO_GET_FER2013, NAME
from tests.datasets.factory import sample_arrays, synthetic_sample, write_source


@pytest.fixture
def sample(tmp_path):
    with synthetic_sample(tmp_path) as file:
        yield file


def test_what_is_written_is_read(tmp_path):
    pixels, labels, votes = sample_arrays()
    path = tmp_path / "faces.npz"
    write_sample(path, pixels, labels, votes)
    faces = read_sample(path)
    assert (faces.name, faces.split) == (NAME, Split.SAMPLE)
    np.testing.assert_array_equal(faces.images[..., 0], pixels)
    np.testing.assert_array_equal(faces.fer, labels)
    np.testing.assert_array_equal(faces.votes, votes)
    assert faces.row_ids.tolist() == list(range(14))
    # seven of ten votes stand for the FER label's counterpart: a majority everywhere
    translated = faces.labels(LabelSet.FERPLUS).values
    assert translated.tolist() == [4, 4, 5, 5, 6, 6, 1, 1, 3, 3, 2, 2, 0, 0]
    assert [file.name for file in tmp_path.iterdir()] == ["faces.npz"]


def test_the_same_arrays_give_the_same_bytes(tmp_path):
    for name in ("a.npz", "b.npz"):
        write_sample(tmp_path / name, *sample_arrays())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def changed(place: int, change) -> tuple[np.ndarray, ...]:
    arrays = list(sample_arrays())
    arrays[place] = change(arrays[place].copy())
    return tuple(arrays)


def one_vote_more(votes: np.ndarray) -> np.ndarray:
    votes[3, 0] += 1
    return votes


def negative_vote(votes: np.ndarray) -> np.ndarray:
    votes[3, :2] += (-1, 1)
    return votes


def lopsided(labels: np.ndarray) -> np.ndarray:
    labels[0] = 1
    return labels


BROKEN = [
    (changed(0, lambda a: a.astype(float)), "pixels uint8"),
    (changed(0, lambda a: a[:, :47]), "pixels uint8"),
    (changed(0, lambda a: a[:0]), "pixels uint8"),
    (changed(1, lambda a: a[:-1]), "labels integer (14,)"),
    (changed(1, lambda a: a / 1), "labels integer (14,)"),
    (changed(1, lambda a: a + 1), "each equally often, found 2 of 1, 2 of 2"),
    (changed(1, lopsided), "each equally often, found 1 of 0, 3 of 1"),
    (changed(1, lambda a: a[::-1]), "labels 0 to 6 in that order"),
    (changed(2, lambda a: a[:, :8]), "votes integer (14, 10)"),
    (changed(2, one_vote_more), "10 votes per row, found row 3: 1 0 0 0 0 7 0 0 3 0"),
    (changed(2, negative_vote), "10 votes per row, found row 3: -1 1"),
]


@pytest.mark.parametrize(("arrays", "words"), BROKEN)
def test_a_wrong_array_is_neither_written_nor_read(arrays, words, tmp_path):
    path = tmp_path / "faces.npz"
    with pytest.raises(ValueError, match="a sample must hold") as refused:
        write_sample(path, *arrays)
    assert words in str(refused.value)
    assert not path.exists()
    np.savez(path, pixels=arrays[0], labels=arrays[1], votes=arrays[2])
    with pytest.raises(InputError) as refused:
        read_sample(path)
    assert words in str(refused.value)


def test_a_missing_or_damaged_file_is_one_line(tmp_path):
    path = tmp_path / "faces.npz"
    with pytest.raises(InputError, match="found no such file"):
        read_sample(path)
    path.write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(InputError, match="Install Deadpan again"):
        read_sample(path)
    np.savez(path, pixels=sample_arrays()[0])
    with pytest.raises(InputError, match="labels"):
        read_sample(path)


def test_the_word_sample_is_a_data_source(sample):
    source = open_source("sample")
    assert source.splits == (Split.SAMPLE,)
    assert load("sample", None).sha256 == read_sample(sample).sha256
    assert load("sample", Split.SAMPLE).leaked is None
    with pytest.raises(InputError, match="expected a split PublicTest, found Sample"):
        load("sample", Split.PUBLIC_TEST)
    with pytest.raises(InputError, match=r"its own votes; leave out --votes v\.csv"):
        open_source("sample", "v.csv")


def test_fer2013_is_measured_on_public_test_unless_asked(tmp_path):
    assert load(write_source(tmp_path / "data"), None).split is Split.PUBLIC_TEST


def test_a_copy_of_the_sample_stays_generated(sample, tmp_path):
    source = open_source("sample")
    export_folders(source, tmp_path / "copy")
    export_csv(source, tmp_path / "csv" / "faces.csv")
    for copy in (tmp_path / "copy", tmp_path / "csv" / "faces.csv"):
        faces = load(copy, None)
        assert faces.split is Split.SAMPLE
        np.testing.assert_array_equal(faces.images, source.images)
        np.testing.assert_array_equal(faces.votes, source.votes)


def test_without_data_the_sample_is_taken_and_said(sample, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DEADPAN_DATA", raising=False)
    assert data_or_default(None) == Path("sample")
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "generated faces" in said.err
    assert data_or_default("sample") == Path("sample")
    assert "generated faces" in capsys.readouterr().err
    (tmp_path / "data").mkdir()
    assert data_or_default(None) == Path("data")
    monkeypatch.setenv("DEADPAN_DATA", "elsewhere")
    assert data_or_default(None) == Path("elsewhere")
    assert data_or_default("given") == Path("given")
    assert capsys.readouterr().err == ""


def test_without_data_and_sample_it_says_how_to_give_some(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DEADPAN_DATA", raising=False)
    monkeypatch.setattr("datasets.default_data.FILE", tmp_path / "none.npz")
    with pytest.raises(InputError, match="give FER2013 with --data PATH"):
        data_or_default(None)


def test_the_way_to_fer2013_names_places_and_files():
    for words in ("datasets.fetch", "kaggle.com", "fer2013.csv", "./data", "fer2013new.csv"):
        assert words in HOW_TO_GET_FER2013


def test_the_embedded_sample_is_what_the_card_promises():
    faces = read_sample()
    assert np.bincount(faces.fer).tolist() == [100] * 7
    assert FILE.stat().st_size <= 3_000_000
    assert FILE.with_name("card.md").exists()
