"""Cells and headers that no honest table has: one line names them."""

from pathlib import Path

import pytest

from datasets.base.errors import InputError
from datasets.data_options import Format
from datasets.read import open_source
from datasets.readers.listing import numbered_class
from datasets.readers.reading import Reading
from datasets.readers.table import header_of
from datasets.readers.vote_columns import counts_of


def test_header_beyond_the_limit_of_csv(tmp_path: Path) -> None:
    table = tmp_path / "faces.csv"
    table.write_text("a" * 200_000 + ",label\n")
    with pytest.raises(InputError, match="header: expected csv, found: field larger than"):
        header_of(table)


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("form", [None, Format.FER2013, Format.CSV])
def test_columns_that_are_not_separated_by_commas(
    tmp_path: Path, separator: str, form: Format | None
) -> None:
    table = tmp_path / "faces.csv"
    table.write_text(f"file{separator}label\n1.png{separator}happy\n")
    with pytest.raises(InputError, match=r"expected columns separated by commas, found 'file"):
        open_source(table, reading=Reading(form=form), progress=False)


def test_pixels_where_a_path_is_expected(tmp_path: Path) -> None:
    """A table of pixels whose column is called `image`, as that of paths is."""
    table = tmp_path / "faces.csv"
    table.write_text(f"image,emotion\n{' '.join(['255'] * 2304)},happy\n")
    words = r"faces\.csv: row 0 \(line 2\): expected an image at '.*255 255.*\.\.\.', found no"
    with pytest.raises(InputError, match=words) as caught:
        open_source(table, progress=False)
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("cell", ["9" * 5000, "", "-1", "1.0", "\u00b2"])
def test_label_that_is_no_class_number(cell: str) -> None:
    with pytest.raises(InputError, match=r"row 3: expected a label from 1 to 7, found"):
        numbered_class(cell, {number: str(number) for number in range(1, 8)}, "row 3")


def test_label_with_leading_zeros_is_its_number() -> None:
    assert numbered_class("007", {0: "neutral", 7: "angry"}, "row 3") == "angry"
    assert numbered_class("00", {0: "neutral", 7: "angry"}, "row 3") == "neutral"


def test_count_of_thousands_of_digits() -> None:
    with pytest.raises(InputError, match="column happy: expected how many annotators chose it"):
        counts_of({"happy": "9" * 5000}, "row 3")
