"""Two commands at once never write into the same folder: the second is told of the first."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from datasets.base.errors import InputError

LOCK = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder, which is made where it is missing, until the block or the process ends.

    A process that is killed lets go of it. A folder made here that stays empty is removed.

    Raises:
        InputError: another command holds it.
        OSError: it may not be written.
    """
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(
            f"{folder}: another command writes there now. Wait for it, or name another --out."
        ) from error
    try:
        yield
    finally:
        if made and [*folder.iterdir()] == [folder / LOCK]:
            (folder / LOCK).unlink()
            folder.rmdir()
        lock.release()
