"""Rows are on disk at once, and a full disk leaves no half of one."""

import errno
import io
import os
from pathlib import Path
from typing import Any

import pytest

from datasets.base import growing_csv
from datasets.base.growing_csv import GrowingCsv


def test_rows_are_on_disk_at_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "table.csv"
    table = GrowingCsv(path, ["name", "share"])
    assert not path.parent.exists()
    table.add([{"name": "a, b", "share": 0.5}, {"name": "c"}])
    assert path.read_text() == 'name,share\n"a, b",0.5\nc,\n'
    table.add([])
    table.add([{"name": "d", "share": 1}])
    assert path.read_text() == 'name,share\n"a, b",0.5\nc,\nd,1\n'


def test_an_older_table_is_replaced_and_no_rows_give_a_header(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("older\n")
    GrowingCsv(tmp_path / "table.csv", ["name"]).add([])
    assert (tmp_path / "table.csv").read_text() == "name\n"


def test_a_full_disk_leaves_the_rows_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = GrowingCsv(tmp_path / "table.csv", ["name"])
    table.add([{"name": "a"}])

    class Full(io.FileIO):
        def write(self, content: Any) -> int:
            super().write(content[:2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(growing_csv, "open", Full, raising=False)
    with pytest.raises(OSError, match="No space left"):
        table.add([{"name": "long"}])
    monkeypatch.undo()
    assert (tmp_path / "table.csv").read_text() == "name\na\n"
    table.add([{"name": "long"}])
    assert (tmp_path / "table.csv").read_text() == "name\na\nlong\n"
