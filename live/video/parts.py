"""The rows of a clip on disk while it is read: one file per part, so a killed reading resumes.

    parts/00000.parquet ...     rows of `PART_FRAMES` frames each, written whole

At the end they are joined into `faces.csv` and `faces.parquet`, part by part, and removed.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from datasets.base.atomic import atomic
from datasets.base.errors import InputError

PART_FRAMES = 500
FOLDER = "parts"
CSV, PARQUET = "faces.csv", "faces.parquet"
_PANDAS = {pa.int32(): pd.Int32Dtype(), pa.bool_(): pd.BooleanDtype()}
"""Types of columns that may be empty: plain ones would become 1.0 and object."""


class Parts:
    """Parts of one clip's rows."""

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        """Look into the clip's folder; nothing is written yet."""
        self._folder, self._schema = folder, schema
        self._parts = folder / FOLDER

    @property
    def finished(self) -> bool:
        """Whether the parts have been joined: the last file written is complete or missing."""
        return (self._folder / PARQUET).exists()

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Write the next part."""
        self._parts.mkdir(parents=True, exist_ok=True)
        with atomic(self._parts / f"{len(self._files()):05d}.parquet") as unfinished:
            pq.write_table(pa.Table.from_pylist(rows, self._schema), unfinished)

    def tables(self) -> Iterator[pa.Table]:
        """Read the parts in order, one at a time.

        Raises:
            InputError: one is damaged.
        """
        for file in self._files():
            with _intact(file):
                table = pq.read_table(file, schema=self._schema)
            yield table

    def check(self) -> None:
        """Read the joined rows once.

        Raises:
            InputError: they are damaged.
        """
        path = self._folder / PARQUET
        with _intact(path), pq.ParquetFile(path) as file:
            for _ in file.iter_batches():
                pass

    def join(self, finish: Callable[[pa.Table], pa.Table] = lambda table: table) -> None:
        """Write both tables, then remove the parts.

        Args:
            finish: changes the rows of a part on their way; it may remove some.
        """
        with atomic(self._folder / CSV) as unfinished:
            for number, table in enumerate(map(finish, self.tables())):
                rows = table.to_pandas(types_mapper=_PANDAS.get)
                rows.to_csv(unfinished, mode="a", header=number == 0, index=False)
        with (
            atomic(self._folder / PARQUET) as unfinished,
            pq.ParquetWriter(unfinished, self._schema) as writer,
        ):
            for table in map(finish, self.tables()):
                writer.write_table(table)
        shutil.rmtree(self._parts)  # what a kill leaves of them here is never read again

    def _files(self) -> list[Path]:
        return sorted(file for file in self._parts.glob("*.parquet") if file.stem.isdigit())


@contextmanager
def _intact(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(
            f"{path}: expected rows of a reading; the file is damaged. Delete the clip's folder, "
            "then read again."
        ) from error
