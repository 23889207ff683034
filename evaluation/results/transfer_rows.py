"""Rows of the transfer matrix on disk, a cell at a time: images of one source, seen by one model.

All of them would not fit into memory: they grow with the number of faces times that of pairs of
models. Writes and reads `transfer.parquet` of a run.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from datasets.base.atomic import atomic
from evaluation.results.files import read_parts
from evaluation.results.schema import TRANSFER_COLUMNS

FILE = "transfer.parquet"
CELL = ["attacked_labels", "model", "source", "perturbation", "norm", "eps"]
"""Columns that are equal in all rows of a cell."""
_TYPES = {"string": pa.string(), "int64": pa.int64(), "float64": pa.float64()}
_SCHEMA = pa.schema([(name, _TYPES[dtype]) for name, dtype in TRANSFER_COLUMNS.items()])


class TransferRows:
    """Writes the rows of a run as it proceeds; if the block fails, an earlier file stays as it was.

    Args:
        out: folder of the run.
    """

    def __init__(self, out: Path) -> None:
        self._path, self._open = out / FILE, ExitStack()

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._open.enter_context(atomic(self._path))
        writer = pq.ParquetWriter(unfinished, _SCHEMA, write_page_checksum=True)
        self._writer = self._open.enter_context(writer)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def add(self, rows: pd.DataFrame) -> None:
        """Write the rows of a cell, columns of `TRANSFER_COLUMNS`."""
        table = pa.Table.from_pandas(rows, schema=_SCHEMA, preserve_index=False)
        self._writer.write_table(table.replace_schema_metadata(None))

    def finish(self) -> None:
        """Replace the file of an earlier run in the same folder."""
        self._open.close()


def transfer_cells(run: Path) -> Iterator[pd.DataFrame]:
    """Read the rows of a run cell by cell, in the order in which they were written.

    An older run has none, or wrote all at once; a cell can then go on in the next part.

    Raises:
        InputError: the file is damaged, or has other columns.
    """
    left: list[pd.DataFrame] = []
    for part in read_parts(run / FILE, TRANSFER_COLUMNS) if (run / FILE).exists() else ():
        rows = pd.concat([*left, part], ignore_index=True)
        is_first = (rows[CELL] != rows[CELL].shift()).any(axis=1).to_numpy(bool)
        starts = np.flatnonzero(is_first)
        for start, end in pairwise(starts):
            yield rows[start:end]
        left = [rows[starts[-1] :]]
    yield from left
