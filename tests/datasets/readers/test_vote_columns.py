"""Votes of any number of annotators, in columns of a table of faces."""

from pathlib import Path

import numpy as np
import pytest

from datasets.labels import FERPLUS8, NO_LABEL, LabelSet
from datasets.votes import VOTE_COLUMNS
from tests.datasets.readers.layouts import face, save
from tests.datasets.readers.test_layouts import fails, read

HEADER = "file,Happiness,sad,unsure,not a face"
ROWS = ["0.png,4,1,0,0", "1.png,1,20,1,0", "2.png,2,2,0,0", "3.png,0,0,3,1"]


def table(folder: Path, header: str = HEADER, rows: list[str] = ROWS) -> Path:
    for row in range(len(rows)):
        save(folder / f"{row}.png", face(row))
    path = folder / "moods.csv"
    path.write_text("\n".join([header, *rows]))
    return path


def test_votes_without_labels_are_found_by_their_columns(tmp_path: Path) -> None:
    source = read(table(tmp_path))
    assert source.fer is None and source.votes is not None and source.tagged
    counts = dict(zip(VOTE_COLUMNS, source.votes.T.tolist(), strict=True))
    assert counts["happiness"] == [4, 1, 2, 0] and counts["sadness"] == [1, 20, 2, 0]
    assert counts["unknown"] == [0, 1, 0, 3] and counts["NF"] == [0, 0, 0, 1]
    faces = source.faces(source.default_split)
    happy, sad = FERPLUS8.classes.index("happiness"), FERPLUS8.classes.index("sadness")
    labels = faces.labels(LabelSet.FERPLUS).values  # no majority, no emotion: no label
    assert labels.tolist() == [happy, sad, NO_LABEL, NO_LABEL]
    assert faces.label_names == {"ferplus": "moods"}


def test_labels_and_votes_are_two_label_sets(tmp_path: Path) -> None:
    header, rows = f"{HEADER},label", [f"{row},joy" for row in ROWS]
    path = table(tmp_path, header, rows)
    assert read(path).votes is None  # columns beside a label may be anything
    source = read(path, columns="votes=Happiness+sad+unsure")
    faces = source.faces(source.default_split)
    assert faces.label_sets == (LabelSet.FER, LabelSet.FERPLUS) and faces.tagged
    assert faces.label_names == {"fer": "moods", "ferplus": "moods votes"}
    assert np.asarray(faces.votes).sum(axis=1).tolist() == [5, 22, 4, 3]


def test_contempt_among_the_labels_leaves_the_votes(tmp_path: Path) -> None:
    rows = [f"{row},contempt" for row in ROWS]
    source = read(table(tmp_path, f"{HEADER},label", rows), columns="votes=Happiness+sad+unsure")
    assert source.fer is None and source.votes is not None and source.tagged
    assert any("labels not used" in note for note in source.notes)


def test_columns_of_one_meaning_are_added(tmp_path: Path) -> None:
    classes = tmp_path / "classes.csv"
    classes.write_text("class,emotion\nfurious,angry\n")
    path = table(tmp_path, "file,angry,furious", ["0.png,3,4"])
    columns = {"columns": "votes=angry+furious"}
    fails(path, "row 0 (line 2)", "'furious'", "--classes", **columns)
    source = read(path, classes=classes, **columns)
    assert source.votes is not None
    assert source.votes[0].tolist() == [0, 0, 0, 0, 7, 0, 0, 0, 0, 0]
    path.write_text("file,angry,furious\n0.png,200,100\n")
    fails(path, "row 0 (line 2)", "at most 255 votes", classes=classes, **columns)


def test_a_column_of_counts_with_another_name_is_not_left_out(tmp_path: Path) -> None:
    """Two are angry and eight calm: without the last column, the face would count as angry."""
    path = table(tmp_path, "file,angry,happy,calm", ["0.png,2,0,8", "1.png,2,9,8"])
    fails(path, "moods.csv", "counts in the column 'calm' too", "--columns votes=angry+happy")
    classes = tmp_path / "classes.csv"
    classes.write_text("class,emotion\ncalm,neutral\n")
    votes = read(path, classes=classes).votes
    assert votes is not None and votes.tolist()[0] == [8, 0, 0, 0, 2, 0, 0, 0, 0, 0]
    votes = read(path, columns="votes=angry+happy").votes
    assert votes is not None and votes[0].sum() == 2
    path = table(tmp_path, "file,calm,furious", ["0.png,2,0"])
    classes.write_text("class,emotion\ncalm,neutral\nfurious,angry\n")
    assert read(path, classes=classes).fer is None  # both names are the user's own


def test_other_columns_that_hold_no_votes(tmp_path: Path) -> None:
    """Row numbers, zeros, words, fractions and empty cells."""
    header = "id,file,angry,happy,spare,who,weight,note"
    path = table(tmp_path, header, ["7,0.png,2,0,0,A,0.5,", "8,1.png,2,9,0,B,1,3"])
    assert read(path).tagged


@pytest.mark.parametrize("cell", ["0.5", "-1", "256", "", "many", "\u0663"])
def test_what_is_no_count_is_refused_with_its_row(tmp_path: Path, cell: str) -> None:
    path = table(tmp_path, rows=[ROWS[0], f"1.png,2,{cell},0,0"])
    fails(path, "moods.csv: row 1 (line 3): column sad", "0 to 255", repr(cell), "counts")


def test_faces_that_nobody_voted_on_and_misplaced_options(tmp_path: Path) -> None:
    path = table(tmp_path, rows=[*ROWS[:2], "2.png,0,0,0,0"])
    fails(path, "moods.csv: row 2 (line 4)", "expected a vote")
    fails(path, "--columns votes=fear", "column of that name", columns="votes=sad+fear")
    path = table(tmp_path)
    fails(path, "--ignore-classes is for labels", ignore_classes="sad")
    (tmp_path / "fer2013new.csv").write_text("anything")
    fails(path, "votes in one place", "fer2013new.csv")
