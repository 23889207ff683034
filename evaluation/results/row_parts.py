"""Write the rows of a run as it proceeds, one parquet file per model and perturbation.

Writes `per_image/MODEL/NUMBER-PERTURBATION.parquet` of a run and its index, which
`evaluation/results/image_rows.py` reads. Until the run has measured everything they are in
`per_image.unfinished/`, so that the rows of an earlier, finished run stay complete.
"""

import json
import re
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from datasets.base.atomic import atomic
from evaluation.results.image_rows import (
    FOLDER,
    INDEX,
    ONE_FILE,
    SCHEMA,
    ImageRows,
    Part,
    StoredRows,
    kind_of,
)
from evaluation.results.schema import PER_IMAGE_COLUMNS

_NAME_LENGTH = 80
"""Most characters of a model's name in the name of its folder."""


class RowParts:
    """The parts of a run's rows; leaving the block without `finish` deletes them.

    Args:
        out: folder of the run.
    """

    def __init__(self, out: Path) -> None:
        self._out, self._folder = out, out / f"{FOLDER}.unfinished"
        self._parts: list[Part] = []
        self._folders: dict[str, str] = {}

    def __enter__(self) -> Self:
        shutil.rmtree(self._folder, ignore_errors=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, rows: pd.DataFrame) -> int:
        """Write the rows of one model and perturbation, columns of `PER_IMAGE_COLUMNS`.

        Returns:
            Number of the part.
        """
        number, model = len(self._parts), str(rows.model.iloc[0])
        folder = self._folders.setdefault(model, f"{len(self._folders):03d}-{_as_name(model)}")
        file = f"{folder}/{number:05d}-{_as_name(str(rows.perturbation.iloc[0]))}.parquet"
        self._parts.append(Part(file, model, kind_of(rows), len(rows)))
        self.replace(number, rows)
        return number

    def replace(self, number: int, rows: pd.DataFrame) -> None:
        """Write the rows of a part again."""
        path = self._folder / self._parts[number].file
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = rows[list(PER_IMAGE_COLUMNS)].astype(PER_IMAGE_COLUMNS)
        table = pa.Table.from_pandas(rows, schema=SCHEMA, preserve_index=False)
        with atomic(path) as unfinished:
            table = table.replace_schema_metadata(None)
            pq.write_table(table, unfinished, write_page_checksum=True)

    def part(self, number: int) -> pd.DataFrame:
        """Read the rows of a part."""
        return StoredRows(self._folder, [self._parts[number]]).pick()

    @property
    def rows(self) -> ImageRows:
        """All rows so far."""
        return StoredRows(self._folder, tuple(self._parts))

    def finish(self) -> None:
        """Replace the rows of an earlier run in the same folder by these."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic(self._folder / INDEX) as unfinished:
            index = {"parts": [part._asdict() for part in self._parts]}
            unfinished.write_text(json.dumps(index, indent=1) + "\n")
        shutil.rmtree(self._out / FOLDER, ignore_errors=True)
        self._folder.rename(self._out / FOLDER)
        (self._out / ONE_FILE).unlink(missing_ok=True)


def _as_name(text: str) -> str:
    """A text as part of a file name; the index holds the text itself."""
    return re.sub(r"[^\w.+-]", "_", text)[:_NAME_LENGTH]
