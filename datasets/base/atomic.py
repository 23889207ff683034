"""Atomic writes: a file or folder appears complete or not at all, even if the process is killed."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = ".unfinished"
"""Folder in which `atomic_contents` writes."""
_NAME = re.compile(r"\.deadpan-(\d+)-.")
"""Of a temporary file of `atomic`: ours, the id of its process, and the name it will have."""


def is_unfinished(path: Path) -> bool:
    """Whether a file is one that `atomic` was writing when its process was killed."""
    return _NAME.match(path.name) is not None


def remove_unfinished(folder: Path, lock: str) -> None:
    """Delete, at any depth, what killed processes of this machine were writing with `atomic`.

    Files of a process with an id that is in use are kept, and so are folders with a file `lock` of
    their own: there another command may write, on another machine or in a container.
    """
    for place, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if not Path(place, each, lock).exists()]
        for path in (Path(place, file) for file in files):
            name = _NAME.match(path.name)
            if name and not _is_alive(int(name[1])):
                path.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    """Whether a process has this id; also where the system does not say."""
    if sys.platform == "win32":  # there `os.kill` ends the process
        return True
    try:
        os.kill(pid, 0)
    except PermissionError:  # another user's
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; it replaces `path` when the block ends.

    It is a hidden file in the same folder with the same suffix and this process's id, so two
    processes may write at once: the last one wins. If the block fails, the temporary file is
    deleted and `path` is untouched.
    """
    unfinished = path.with_name(f".deadpan-{os.getpid()}-{path.name}")
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


@contextmanager
def atomic_contents(folder: Path) -> Iterator[Path]:
    """Yield an empty folder to write into; what it holds moves into `folder` when the block ends.

    For a folder that cannot be replaced itself, since it may be where the user is, or where a disk
    is mounted. What a killed process left is deleted first. If the block fails, nothing is left.
    """
    made = not folder.exists()
    unfinished = folder / UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        for path in sorted(unfinished.iterdir()):
            os.replace(path, folder / path.name)
        unfinished.rmdir()
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        if made and not any(folder.iterdir()):
            folder.rmdir()
        raise
