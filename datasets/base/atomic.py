"""Files appear whole or not at all, whenever a command is killed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a name to write to; its file takes the place of `path` when the block ends.

    The name is hidden, beside `path`, with the same suffix, and of this process: two processes may
    write at once, the last one stands. What a failing block wrote is deleted and `path` untouched.
    """
    unfinished = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield unfinished
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
