"""Atomic writes: a file or folder appears complete or not at all, even if the process is killed."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def is_unfinished(path: Path) -> bool:
    """Whether a file is one that `atomic` was writing when its process was killed."""
    return re.match(r"\.\d+-.", path.name) is not None


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; it replaces `path` when the block ends.

    It is a hidden file in the same folder with the same suffix and this process's id, so two
    processes may write at once: the last one wins. If the block fails, the temporary file is
    deleted and `path` is untouched.
    """
    unfinished = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield unfinished
        os.replace(unfinished, path)
    except BaseException as error:
        unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename is None:
            error.filename = str(path)  # a full disk names no file
        raise


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder to write into; it replaces `path` when the block ends.

    It is a hidden folder beside it. What a killed process left there is deleted first, so the
    caller must hold a lock on the place. If the block fails, `path` is untouched.
    """
    unfinished = path.with_name(f".unfinished-{path.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        if path.exists():
            shutil.rmtree(path)
        os.replace(unfinished, path)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
