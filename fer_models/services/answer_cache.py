"""Answers of services on disk, so that a killed run asks about no image twice.

Writes `service_answers.sqlite` of a run or of a folder of sets: the outputs of each image under the
hash of its bytes and of the service's contract, and how often services were asked.
"""

import errno
import os
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.base.errors import InputError

FILE = "service_answers.sqlite"
_MOST = 500
"""Keys of one look-up; SQLite has a limit."""
_WAIT = 60.0
"""Seconds to wait for another process."""
_TABLES = (
    "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, outputs BLOB NOT NULL) "
    "WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS queries (service TEXT PRIMARY KEY, asked INTEGER NOT NULL, "
    "from_cache INTEGER NOT NULL, retried INTEGER NOT NULL)",
)
_ADD = (
    "INSERT INTO queries VALUES (?, ?, ?, ?) ON CONFLICT (service) DO UPDATE SET "
    "asked = asked + excluded.asked, from_cache = from_cache + excluded.from_cache, "
    "retried = retried + excluded.retried"
)
_OF_DISK = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_READONLY: errno.EROFS,
}
"""Errors of SQLite that leave the answers intact, as errors of the system."""
_CHECK_BYTES = 4
"""After the outputs, their CRC-32; answers of older versions have none."""


@dataclass(frozen=True)
class Queries:
    """How often a service was asked.

    Attributes:
        asked: images that the service answered.
        from_cache: images whose answer was kept from before.
        retried: requests that were sent again.
    """

    asked: int = 0
    from_cache: int = 0
    retried: int = 0

    def __add__(self, other: "Queries") -> "Queries":
        """Both together."""
        return Queries(
            self.asked + other.asked,
            self.from_cache + other.from_cache,
            self.retried + other.retried,
        )


class AnswerCache:
    """Answers of one service in the file of a folder, which is made with the first answer.

    Every method raises `InputError` when the file is damaged.

    Args:
        folder: must exist.
        service: hash of the service's contract.
    """

    def __init__(self, folder: Path, service: str) -> None:
        self._path, self._service = folder / FILE, service
        self._connection: sqlite3.Connection | None = None

    def queries(self) -> Queries:
        """How often the service was asked since the file was made, restarts included."""
        if not self._path.exists():
            return Queries()
        with self._errors():
            row = self._base.execute(
                "SELECT asked, from_cache, retried FROM queries WHERE service = ?",
                (self._service,),
            ).fetchone()
        return Queries(*row) if row else Queries()

    def read(self, images: Sequence[str]) -> dict[str, np.ndarray]:
        """Outputs float64 (K,) of the images that are known, by their hashes.

        An answer whose bytes have changed is not known.
        """
        found: dict[str, np.ndarray] = {}
        if not self._path.exists():
            return found
        with self._errors():
            for start in range(0, len(images), _MOST):
                part = images[start : start + _MOST]
                marks = ", ".join("?" * len(part))
                rows = self._base.execute(
                    f"SELECT key, outputs FROM answers WHERE key IN ({marks})",
                    [self._key(image) for image in part],
                )
                for key, data in rows:
                    if (outputs := _outputs(data)) is not None:
                        found[key.rpartition(" ")[2]] = outputs
        return found

    def write(self, answers: Mapping[str, np.ndarray], more: Queries) -> None:
        """Keep outputs float64 (K,) by the hashes of their images, and add to the queries."""
        rows = [(self._key(image), _stored(outputs)) for image, outputs in answers.items()]
        with self._errors(), self._base as base:
            base.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", rows)
            base.execute(_ADD, (self._service, more.asked, more.from_cache, more.retried))

    @property
    def _base(self) -> sqlite3.Connection:
        """The open file."""
        if self._connection is None:
            self._connection = sqlite3.connect(self._path, timeout=_WAIT)
            self._connection.execute("PRAGMA synchronous = OFF")  # safe if the process is killed
            with self._connection as base:
                for table in _TABLES:
                    base.execute(table)
        return self._connection

    def _key(self, image: str) -> str:
        return f"{self._service} {image}"

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, ValueError) as error:
            if (number := _OF_DISK.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)) is not None:
                raise OSError(number, os.strerror(number), str(self._path)) from error
            raise InputError(
                f"{self._path}: expected the answers of services; {error}. Delete it: the services "
                "are asked again."
            ) from error


def _stored(outputs: np.ndarray) -> bytes:
    """Outputs float64 (K,) and their checksum."""
    data = outputs.tobytes()
    return data + zlib.crc32(data).to_bytes(_CHECK_BYTES, "big")


def _outputs(stored: bytes) -> np.ndarray | None:
    """Outputs float64 (K,), None if their checksum is another one."""
    if len(stored) % np.dtype(np.float64).itemsize == 0:
        return np.frombuffer(stored)
    data, check = stored[:-_CHECK_BYTES], stored[-_CHECK_BYTES:]
    return np.frombuffer(data) if zlib.crc32(data).to_bytes(_CHECK_BYTES, "big") == check else None
