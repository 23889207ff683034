"""Cache of parsed csv files in the user's cache folder, keyed by the sha256 of the file.

`DEADPAN_CACHE` sets another folder. A damaged entry counts as missing; a folder that cannot be
written causes a warning, not an error.
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import platformdirs

from datasets.base.atomic import atomic
from datasets.base.errors import DAMAGED_ARRAYS
from datasets.base.npz import read_npz
from datasets.fer2013 import Faces

_FORMAT = 1
"""Increase it when parsing changes: older entries are then ignored."""


def cache_folder() -> Path:
    """Return `DEADPAN_CACHE`, else this platform's user cache folder, else a temporary one.

    The last is for users without a home folder: their cache would end up in the current folder.
    """
    if named := os.environ.get("DEADPAN_CACHE"):
        return Path(named)
    folder = Path(platformdirs.user_cache_dir("deadpan"))
    return folder if folder.is_absolute() else Path(tempfile.gettempdir()) / "deadpan-cache"


def read_entry(digest: str) -> Faces | None:
    """Return the faces stored for a file's sha256, or None if missing or damaged."""
    try:
        arrays = read_npz(_entry(digest))
        faces = Faces(*(arrays[name] for name in Faces._fields))
    except DAMAGED_ARRAYS:
        return None
    return faces


def write_entry(digest: str, faces: Faces) -> None:
    """Store faces under a file's sha256, atomically: two processes may write at once."""
    entry = _entry(digest)
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        with atomic(entry) as unfinished:
            np.savez(unfinished, **faces._asdict())
    except OSError as error:
        print(
            f"warning: cannot cache parsed faces in {entry.parent}: {error}; the next run parses "
            "the file again (set DEADPAN_CACHE to a writable folder)",
            file=sys.stderr,
        )


def _entry(digest: str) -> Path:
    return cache_folder() / f"{digest}-{_FORMAT}.npz"
