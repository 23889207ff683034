"""Votes beside the faces: which file is read, and one line for each thing that can be wrong."""

import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.ferplus import join_votes, write_votes
from datasets.read import open_source
from tests.datasets.factory import (
    csv_lines,
    make_votes,
    vote_lines,
    write_lines,
    write_source,
)
from tests.datasets.reading import fails


def test_option_wins_over_the_file_beside(tmp_path):
    write_source(tmp_path)
    lines = vote_lines()
    lines[1] = "Training,,0,0,0,0,0,0,0,0,0,10"
    other = write_lines(tmp_path / "other.csv", lines)
    votes = open_source(tmp_path, votes=other, progress=False).votes
    assert votes[0].tolist() == [0] * 9 + [10]
    assert (votes[1:] == make_votes()[1:]).all()


def test_none_beside(tmp_path):
    path = write_lines(tmp_path / "fer2013.csv", csv_lines())
    assert open_source(path, progress=False).votes is None


def test_longer_than_needed(tmp_path):
    write_source(tmp_path)
    write_lines(tmp_path / "fer2013.csv", csv_lines()[:52])
    assert (open_source(tmp_path, progress=False).votes == make_votes()[:51]).all()


def test_shorter(tmp_path):
    write_source(tmp_path)
    path = write_lines(tmp_path / "fer2013new.csv", vote_lines()[:60])
    fails(tmp_path, str(path), "at least 60 rows", "found 59")


def test_of_other_rows(tmp_path):
    write_source(tmp_path)
    lines = vote_lines()
    path = write_lines(tmp_path / "fer2013new.csv", [lines[0], *lines[2:], lines[1]])
    fails(tmp_path, str(path), "row 41", "Usage Training", "found PublicTest")


@pytest.mark.parametrize("name", ["neutral", "NF", "Usage"])
def test_missing_column(tmp_path, name):
    write_source(tmp_path)
    lines = vote_lines()
    lines[0] = lines[0].replace(name, "other")
    path = write_lines(tmp_path / "fer2013new.csv", lines)
    fails(tmp_path, str(path), f"column '{name}'")


@pytest.mark.parametrize("cell", ["-1", "many", "", "2.5", "256"])
def test_bad_cell(tmp_path, cell):
    write_source(tmp_path)
    lines = vote_lines()
    parts = lines[8].split(",")
    lines[8] = ",".join([*parts[:5], cell, *parts[6:]])
    path = write_lines(tmp_path / "fer2013new.csv", lines)
    told = ("row 7 (line 9)", "sadness", "from 0 to 255", f"'{cell}'. Correct it.")
    fails(tmp_path, str(path), *told)


def test_missing_file(tmp_path):
    write_source(tmp_path)
    fails(tmp_path, "absent.csv", "No such file", votes=tmp_path / "absent.csv")


@pytest.mark.parametrize("lost", [0, 700])
def test_a_row_that_is_missing_within_a_split(tmp_path, lost):
    fer = np.random.default_rng(0).integers(0, 7, 1200)
    wrong = np.where(np.arange(1200) % 5 < 2, (fer + 1) % 7, fer)  # 60 % agree
    votes = 10 * np.eye(10, dtype=np.uint8)[np.array([4, 5, 6, 1, 3, 2, 0])[wrong]]
    splits = np.full(1200, "Training")
    path = tmp_path / "fer2013new.csv"
    write_votes(votes, splits, path)
    assert (join_votes(path, np.arange(1200), splits, fer) == votes).all()
    first = 0 if lost == 0 else 600  # 1,199 rows are two blocks, of 600 and 599
    with pytest.raises(InputError, match=rf"csv: rows {first} to .* found \d+ % of them"):
        join_votes(path, np.arange(1199), splits[1:], np.delete(fer, lost))


@pytest.mark.parametrize("count", [40, 90])
def test_votes_of_other_faces_are_refused_in_small_samples(tmp_path, count):
    fer = np.random.default_rng(0).integers(0, 7, count)
    votes = 10 * np.eye(10, dtype=np.uint8)[np.array([4, 5, 6, 1, 3, 2, 0])[np.roll(fer, 7)]]
    splits = np.full(count, "PublicTest")
    path = tmp_path / "fer2013new.csv"
    write_votes(votes, splits, path)
    with pytest.raises(InputError, match=r"found \d+ % of them \(\d+ of (40|90)\)"):
        join_votes(path, np.arange(count), splits, fer)


def test_small_samples_of_the_right_votes_are_accepted(tmp_path):
    """Votes that confirm as many labels of each class as the published ones do."""
    published = np.array([0.535, 0.4, 0.138, 0.933, 0.438, 0.841, 0.891])
    rng, refused = np.random.default_rng(0), 0
    path = tmp_path / "fer2013new.csv"
    splits = np.full(20, "PublicTest")
    for _ in range(1000):
        fer = rng.choice(7, 20, p=[0.14, 0.02, 0.14, 0.25, 0.17, 0.11, 0.17])
        voted = np.where(rng.random(20) < published[fer], fer, (fer + 1) % 7)
        columns = np.array([4, 5, 6, 1, 3, 2, 0])[voted]
        write_votes(10 * np.eye(10, dtype=np.uint8)[columns], splits, path)
        try:
            join_votes(path, np.arange(20), splits, fer)
        except InputError:
            refused += 1
    assert refused <= 1


def test_a_merged_test_split_takes_votes_of_no_training_rows(tmp_path):
    path = tmp_path / "fer2013new.csv"
    votes, usage = make_votes()[:3], np.array(["PublicTest", "PrivateTest", "Training"])
    write_votes(votes, usage, path)
    merged = np.full(3, "Test")
    assert (join_votes(path, np.arange(2), merged[:2]) == votes[:2]).all()
    with pytest.raises(InputError, match=r"row 2: expected Usage Test.*found Training"):
        join_votes(path, np.arange(3), merged)


def test_the_faces_given_as_votes(tmp_path):
    write_source(tmp_path)
    fails(tmp_path, "column 'neutral'", votes=tmp_path / "fer2013.csv")
