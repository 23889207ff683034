"""Reading csv files: what comes back, and one line for each thing that can be wrong."""

import os

import numpy as np
import pytest

from datasets import read
from datasets.base.errors import InputError
from datasets.faceset import Split
from datasets.read import load, open_source
from tests.datasets.factory import (
    FER,
    LEAKED_ROW,
    SPLITS,
    csv_lines,
    make_images,
    make_votes,
    write_lines,
    write_source,
)
from tests.datasets.reading import fails


def changed(row: int, **fields: str) -> list[str]:
    """The lines of the csv with fields of one row changed."""
    lines = csv_lines()
    emotion, pixels, usage = lines[row + 1].split(",")
    values = {"emotion": emotion, "pixels": pixels, "usage": usage, **fields}
    lines[row + 1] = ",".join(values.values())
    return lines


def test_everything_comes_back(tmp_path):
    source = open_source(write_source(tmp_path), progress=False)
    assert source.name == "fer2013"
    assert (source.images == make_images()).all() and source.images.dtype == np.uint8
    assert (source.fer == FER).all()
    assert (source.votes == make_votes()).all()
    assert (source.row_ids == np.arange(60)).all()
    assert (source.split_of == SPLITS).all()
    assert source.splits == (Split.TRAINING, Split.PUBLIC_TEST, Split.PRIVATE_TEST)


def test_one_split(tmp_path):
    faces = load(write_source(tmp_path) / "fer2013.csv", Split.PUBLIC_TEST, progress=False)
    assert faces.row_ids.tolist() == list(range(42, 51))
    assert (faces.images == make_images()[42:51]).all()
    assert (faces.votes == make_votes()[42:51]).all()
    assert faces.split is Split.PUBLIC_TEST


def test_leaked(tmp_path):
    source = open_source(write_source(tmp_path), progress=False)
    leaked = source.faces(Split.PUBLIC_TEST).leaked
    assert leaked.tolist() == [row == LEAKED_ROW for row in range(42, 51)]
    assert not source.faces(Split.PRIVATE_TEST).leaked.any()
    assert source.faces(Split.TRAINING).leaked is None


def test_leaked_is_unknown_in_a_source_of_one_split(tmp_path):
    lines = csv_lines()
    path = write_lines(tmp_path / "public.csv", [lines[0], *lines[43:52]])
    assert load(path, Split.PUBLIC_TEST, progress=False).leaked is None


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(csv_lines()),
        "\r\n".join([*csv_lines(), "", ""]),
        "\ufeff" + "\n".join(csv_lines()),
        "\n".join([*csv_lines(), "", "  ", ""]),
        "\n".join(f'{a},"{b}",{c}' for a, b, c in (line.split(",") for line in csv_lines())),
        "\n".join(f"{a}, {c}, {b}" for a, b, c in (line.split(",") for line in csv_lines())),
        "\n".join(line.replace(",", " ,").replace("255", "255 ") for line in csv_lines()),
    ],
    ids=["no last line end", "crlf", "bom", "blank lines", "quoted", "icml columns", "spaces"],
)
def test_harmless_variants_read_alike(tmp_path, text):
    path = tmp_path / "icml_face_data.csv"
    path.write_bytes(text.encode())
    source = open_source(tmp_path, progress=False)
    assert source.name == "icml_face_data"
    assert (source.images == make_images()).all()
    assert (source.fer == FER).all()
    assert (source.split_of == SPLITS).all()


def test_line_numbers_count_blank_lines_and_rows_do_not(tmp_path):
    lines = changed(5, emotion="7")
    path = write_lines(tmp_path / "fer2013.csv", [lines[0], "", "", *lines[1:]])
    fails(path, "row 5 (line 9)")


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        ({"emotion": "7"}, ["label from 0 to 6", "'7'. Correct it."]),
        ({"emotion": ""}, ["label from 0 to 6", "''"]),
        ({"emotion": "1.0"}, ["'1.0'"]),
        ({"emotion": "-1"}, ["'-1'"]),
        ({"usage": "Validation"}, ["Training, PublicTest, PrivateTest", "'Validation'"]),
        ({"usage": "PublicTe"}, ["'PublicTe'"]),
        (
            {"pixels": " ".join(["1"] * 2303)},
            ["2,304 pixels (48x48)", "2,303. Correct the row; faces of another size"],
        ),
        ({"pixels": " ".join(["1"] * 2305)}, ["2,305"]),
        ({"pixels": ""}, ["2,304 pixels", "found 0"]),
        ({"pixels": " ".join(["1"] * 2303 + ["256"])}, ["0 to 255", "256"]),
        ({"pixels": " ".join(["1"] * 2303 + ["9" * 30])}, ["0 to 255", f"'{'9' * 30}'"]),
        ({"pixels": " ".join(["1"] * 2303 + ["-1"])}, ["0 to 255", "'-1'"]),
        ({"pixels": " ".join(["1"] * 2303 + ["abc"])}, ["'abc'"]),
        ({"pixels": " ".join(["1"] * 2303 + ["3.5"])}, ["'3.5'"]),
        ({"pixels": " ".join(["1"] * 2303 + ["+5"])}, ["'+5'"]),
        ({"pixels": " ".join(["1"] * 2303 + ["\u0663"])}, ["'\u0663'"]),
        ({"pixels": " ".join(["1"] * 2303 + ["\x00"])}, [r"'\x00'"]),
        ({"pixels": "\t".join(["1"] * 2304)}, [r"\t"]),
        ({"pixels": "[" + " ".join(["1"] * 2304) + "]"}, ["'[1'"]),
        ({"usage": "Training,1"}, ["3 columns", "found 4"]),
        ({"pixels": "1;2"}, ["'1;2'"]),
    ],
)
def test_bad_row(tmp_path, fields, parts):
    path = write_lines(tmp_path / "fer2013.csv", changed(17, **fields))
    fails(path, str(path), "row 17 (line 19)", *parts)


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"", ["header", "empty"]),
        (b"\n\n", ["header", "empty"]),
        (b"emotion,pixels,Usage\n", ["at least one row"]),
        (b"pixels\n1 2 3\n", ["column 'emotion'", "'pixels'"]),
        (b"emotion,pixels\n0,1\n", ["column 'Usage'", "'emotion, pixels'. Rename the column"]),
        (b"emotion;pixels;Usage\n0;1;Training\n", ["separated by commas", "emotion;pixels"]),
        (b"emotion,emotion,pixels,Usage\n0,1,2,Test\n", ["one column 'emotion', found 2 in"]),
        ("\n".join(csv_lines()).encode("utf-16"), ["before the first row", "UTF-8"]),
        ("\n".join(changed(9, usage="Tr\u00e4ning")).encode("latin-1"), ["UTF-8"]),
        ("\n".join([*csv_lines()[:9], *csv_lines()]).encode(), ["row 8 (line 10)", "'emotion'"]),
        ("\n".join(csv_lines())[:50_000].encode(), ["row ", "expected 3 columns", "found 2"]),
        ("\n".join(csv_lines()).replace(",1", ',"1', 1).encode(), ["expected csv", "limit"]),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), ["before the first row", "UTF-8"]),
        (b"\0" * 5000, ["column 'emotion'"]),
    ],
    ids=[
        "empty",
        "blank",
        "header only",
        "pixels only",
        "no usage",
        "semicolons",
        "two labels",
        "utf-16",
        "latin-1",
        "second header",
        "cut short",
        "open quote",
        "an image",
        "zeros",
    ],
)
def test_bad_file(tmp_path, content, parts):
    path = tmp_path / "fer2013.csv"
    path.write_bytes(content)
    fails(path, str(path), *parts)


def test_no_such_path(tmp_path):
    fails(tmp_path / "nowhere", str(tmp_path / "nowhere"), "no such path", "$DEADPAN_DATA")


def test_empty_folder(tmp_path):
    fails(tmp_path, str(tmp_path), "fer2013.csv", "found nothing")


def test_folder_of_other_things(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    fails(tmp_path, "found notes.txt")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_special_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    fails(tmp_path / "pipe", "special file")


def test_unreadable_file(tmp_path, monkeypatch):
    path = write_source(tmp_path) / "fer2013.csv"

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(read, "open", refuse, raising=False)
    fails(path, str(path), "Permission denied")


def test_split_that_is_not_there(tmp_path):
    path = write_lines(tmp_path / "fer2013.csv", csv_lines()[:52])
    with pytest.raises(InputError, match="expected a split PrivateTest, found Training, Pub"):
        load(path, Split.PRIVATE_TEST, progress=False)


@pytest.mark.parametrize("split", [Split.PRIVATE_TEST, Split.TEST])
def test_test_splits_are_refused_for_training(tmp_path, split):
    write_source(tmp_path)
    with pytest.raises(InputError, match=f"got {split}, which is kept for the final figure"):
        open_source(tmp_path, progress=False).faces(split, for_training=True)
    source = open_source(tmp_path, progress=False)
    assert len(source.faces(Split.TRAINING, for_training=True)) == 42


def test_training_holds_rows_out_where_there_is_only_test(tmp_path):
    lines = [
        line.replace("PublicTest", "Test").replace("PrivateTest", "Test") for line in csv_lines()
    ]
    path = write_lines(tmp_path / "fer2013.csv", lines)
    source = open_source(path, progress=False)
    held_out = source.faces(Split.PUBLIC_TEST, for_training=True)
    # 42 Training rows, 6 of each of 7 classes: a tenth is round(0.6) = 1 of each
    assert sorted(held_out.fer.tolist()) == list(range(7))
    assert len(source.faces(Split.TRAINING, for_training=True)) == 35
    again = open_source(path, progress=False).faces(Split.PUBLIC_TEST, for_training=True)
    assert (held_out.row_ids == again.row_ids).all()
    with pytest.raises(InputError, match="kept for the final figure"):
        source.faces(Split.TEST, for_training=True)


def test_what_nets_learnt_from_is_never_measured_as_public_test(tmp_path):
    """The shipped nets learnt from all of Training, so no part of it may be a test split."""
    lines = [
        line.replace("PublicTest", "Test").replace("PrivateTest", "Test") for line in csv_lines()
    ]
    path = write_lines(tmp_path / "fer2013.csv", lines)
    faces = load(path, None, progress=False)
    assert (faces.split, len(faces)) == (Split.TEST, 18)
    with pytest.raises(InputError, match="expected a split PublicTest, found Training, Test"):
        load(path, Split.PUBLIC_TEST, progress=False)


def test_progress_goes_to_standard_error(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    open_source(write_source(tmp_path))
    shown = capsys.readouterr()
    assert "reading fer2013.csv" in shown.err
    assert shown.out == ""


def test_no_progress_where_nobody_looks(tmp_path, capsys):
    open_source(write_source(tmp_path))
    assert capsys.readouterr() == ("", "")
