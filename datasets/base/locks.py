"""Folder locks: two commands never write into the same folder at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from datasets.base.atomic import remove_unfinished
from datasets.base.errors import InputError

LOCK = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder until the block or the process ends; create it if it is missing.

    A killed process releases its lock, and what it was writing is deleted. Folders created here
    that stay empty are removed.

    Raises:
        InputError: another command holds the lock.
        OSError: the folder cannot be written.
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(
            f"{folder}: another command is writing there. Wait for it, or name another folder."
        ) from error
    try:
        remove_unfinished(folder, LOCK)
        yield
    finally:
        if made and [*folder.iterdir()] == [folder / LOCK]:
            (folder / LOCK).unlink()
        for each in made:
            if any(each.iterdir()):
                break
            each.rmdir()
        lock.release()
