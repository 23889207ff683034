"""A csv that grows row by row: a command that is stopped keeps the rows it has written.

For tables that take long to make. Tables that are complete or absent: `datasets/base/atomic.py`.
"""

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


class GrowingCsv:
    """Writes rows to a csv as soon as they are known; the first call replaces an older file."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        """Store where the file will be, and its columns; nothing is written yet."""
        self.path, self._columns, self._size = path, columns, 0

    def add(self, rows: Iterable[Mapping[str, object]]) -> None:
        """Append rows, and the header before the first ones; missing columns are empty.

        Raises:
            OSError: they cannot be written, as on a full disk; the file then ends with the rows of
                the call before.
        """
        text = io.StringIO()
        writer = csv.DictWriter(text, self._columns, lineterminator="\n")
        if not self._size:
            writer.writeheader()
        writer.writerows(rows)
        content = text.getvalue().encode()
        if not self._size:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_bytes(b"")
        try:
            with open(self.path, "ab") as file:
                file.write(content)
        except OSError:
            os.truncate(self.path, self._size)
            raise
        self._size += len(content)
