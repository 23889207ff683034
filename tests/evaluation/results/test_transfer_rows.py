"""Rows of the transfer matrix on disk: written and read cell by cell, older files too."""

from pathlib import Path

import pandas as pd
import pytest

from datasets.base.errors import InputError
from evaluation.results.files import read_table
from evaluation.results.schema import TRANSFER_COLUMNS
from evaluation.results.transfer_rows import FILE, TransferRows, transfer_cells


def cell(source: str, count: int) -> pd.DataFrame:
    values = {
        **{"row": range(count), "source": source, "model": "net.fer", "attacked_labels": "fer"},
        **{"perturbation": "transfer", "norm": "linf", "eps": 0.1},
        **{"label": 3, "clean_prediction": 3, "prediction": 4},
    }
    return pd.DataFrame(values).astype(TRANSFER_COLUMNS)


CELLS = [cell("a.fer", 4), cell("b.fer", 2), cell("c.fer", 5)]


def require_cells(run: Path) -> None:
    found = [*transfer_cells(run)]
    for rows, expected in zip(found, CELLS, strict=True):
        pd.testing.assert_frame_equal(rows.reset_index(drop=True), expected)
    pd.testing.assert_frame_equal(
        read_table(run / FILE, TRANSFER_COLUMNS), pd.concat(CELLS, ignore_index=True)
    )


def test_cells_are_read_as_they_were_written(tmp_path: Path) -> None:
    with TransferRows(tmp_path) as transfers:
        for rows in (CELLS[0], cell("none.fer", 0), *CELLS[1:]):
            transfers.add(rows)
        assert not (tmp_path / FILE).exists()
        transfers.finish()
        require_cells(tmp_path)


def test_a_run_that_fails_leaves_the_rows_of_an_earlier_one(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("earlier")
    with pytest.raises(KeyError), TransferRows(tmp_path) as transfers:
        transfers.add(CELLS[0])
        raise KeyError
    assert (tmp_path / FILE).read_text() == "earlier"
    assert [*tmp_path.iterdir()] == [tmp_path / FILE]


@pytest.mark.parametrize("size", [1, 3, 4, 100])
def test_a_cell_of_an_older_run_may_be_in_several_parts(size: int, tmp_path: Path) -> None:
    pd.concat(CELLS).to_parquet(tmp_path / FILE, index=False, row_group_size=size)
    require_cells(tmp_path)


def test_a_run_without_transfer_has_no_cells(tmp_path: Path) -> None:
    assert not [*transfer_cells(tmp_path)]
    with TransferRows(tmp_path) as transfers:
        transfers.finish()
    assert not [*transfer_cells(tmp_path)]
    assert read_table(tmp_path / FILE, TRANSFER_COLUMNS).empty


def test_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    pd.concat(CELLS).to_parquet(tmp_path / FILE, index=False)
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="expected an intact parquet file"):
        list(transfer_cells(tmp_path))
