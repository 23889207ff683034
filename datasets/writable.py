"""Folders that results go to by default, and what replaces them where they cannot be written.

A folder that the user named is never replaced: what goes wrong there is an error.
"""

import sys
import tempfile
from pathlib import Path


def can_write(folder: Path) -> bool:
    """Whether files can be made in the folder, or in the nearest one above that exists."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        tempfile.TemporaryFile(dir=existing).close()
    except OSError:  # read-only, not ours, or no folder at all
        return False
    return True


def default_folder(folder: Path) -> Path:
    """The folder, or a new temporary one where it cannot be written, which is said."""
    if can_write(folder):
        return folder
    other = Path(tempfile.mkdtemp(prefix=f"deadpan-{folder.name}-"))
    print(f"{folder} cannot be written; writing to {other} (--out names a place)", file=sys.stderr)
    return other
