"""A table of groups, by row or by file."""

import os

import pytest

from datasets.base.errors import InputError
from datasets.data_options import DataOptions
from datasets.read import open_source
from datasets.readers.reading import Reading
from datasets.subgroups import read_subgroups
from tests.datasets.readers.layouts import build, layout


@pytest.fixture
def source(tmp_path):
    path = build(layout("jaffe").lines, tmp_path / "data")
    return open_source(path, reading=Reading.of(DataOptions()), progress=False)


def groups(source, tmp_path, text):
    table = tmp_path / "groups.csv"
    table.write_text(text)
    return read_subgroups(table, source, source.faces(source.default_split))


BY_FILE = """file,age,light
KA.FE2.46.tiff,old,
KA.AN1.39.tiff,old,dark
YM.NE3.51.tiff,young,dark
"""


def test_groups_by_file_and_by_row_are_joined_to_their_faces(source, tmp_path):
    expected = [("age:old", "light:dark"), ("age:old",), ("age:young", "light:dark")]
    assert groups(source, tmp_path, BY_FILE).tolist() == expected
    assert groups(source, tmp_path, "row,age\n2,c\n0,a\n1,b\n").tolist() == [
        ("age:a",),
        ("age:b",),
        ("age:c",),
    ]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (BY_FILE.replace("YM.NE3", "YM.NE4"), "row 2 (line 4)|'YM.NE4.51.tiff'|KA.AN1.39.tiff"),
        ("row,age\n0,a\n1,b\n7,c\n", "row 2 (line 4)|expected a row of|'7'"),
        ("row,age\n0,a\n1,b\n1,c\n2,c\n", "row 2 (line 4)|'1' occurs twice"),
        ("row,age\n0,a\n2,c\n", "each of the 3 faces of Test; 1 have none|row 1 (KA.FE2.46.tiff)"),
        ("row\n0\n1\n2\n", "header|such as age"),
        ("row,file,age\n0,a,b\n", "header|one column 'row' or 'file'"),
        ("row;age\n0;a\n", "header|separated by commas, found 'row;age'"),
        ("row,class\n0,a\n", "header|none of them called 'class'"),
        ("row,skin:tone\n0,a\n", "header|needs a name without ':'; found 'skin:tone'. Rename it"),
        ("row,age,\n0,a,b\n", "header|needs a name without ':'; found ''. Rename it"),
    ],
)
def test_a_faulty_table_is_one_line_with_its_row(source, tmp_path, text, parts):
    with pytest.raises(InputError) as caught:
        groups(source, tmp_path, text)
    message = str(caught.value)
    assert "\n" not in message and "groups.csv" in message
    assert not [part for part in parts.split("|") if part not in message], message


def test_a_pipe_which_can_be_read_only_once(source, tmp_path):
    os.mkfifo(tmp_path / "groups.csv")
    with pytest.raises(InputError, match="--groups must be a csv file; got"):
        read_subgroups(tmp_path / "groups.csv", source, source.faces(source.default_split))


def test_a_table_that_is_missing(source, tmp_path):
    with pytest.raises(InputError, match="--groups must be a readable csv"):
        read_subgroups(tmp_path / "none.csv", source, source.faces(source.default_split))
