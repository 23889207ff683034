"""Hold back what libraries write to the process's standard error, below Python's own."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

_LOCK = RLock()
"""One thread at a time: two would restore each other's file."""


@contextmanager
def held_back() -> Iterator[None]:
    """Hold back the process's standard error, and show it only if something fails meanwhile.

    While one thread does so, another one does nothing: waiting for it could be a deadlock, since
    imports have locks of their own.
    """
    if not _LOCK.acquire(blocking=False):
        yield
        return
    try:
        with tempfile.TemporaryFile() as chatter:
            yield from _into(chatter.fileno())
    finally:
        _LOCK.release()


def _into(file: int) -> Iterator[None]:
    """Let standard error go to an open file; it is shown if the block fails."""
    sys.stderr.flush()
    terminal = os.dup(2)
    os.dup2(file, 2)
    try:
        yield
    except BaseException:
        os.lseek(file, 0, os.SEEK_SET)
        while text := os.read(file, 2**16):
            os.write(terminal, text)
        raise
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
