"""Where results go: default folders, what replaces them where they cannot be written, files.

A place that the user named is never replaced: what goes wrong there is an error.
"""

import sys
import tempfile
from pathlib import Path

from datasets.base.errors import InputError

_OF_A_RUN = ("results.csv", "report.md")
"""Tables that a run writes beside its `manifest.json`."""


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


def check_file(path: Path | None, *endings: str) -> None:
    """Refuse, before anything is computed, an --out that no file can be written to.

    Args:
        path: as given; None for no file.
        endings: that tell the format, such as `.csv`.

    Raises:
        InputError: another ending, a folder, below something that is none, or a table of a run.
    """
    if path is None:
        return
    if path.suffix not in endings:
        raise InputError(f"--out must end in {' or '.join(endings)}; got {path}.")
    if not path.parent.is_dir():
        raise InputError(f"--out must lie in an existing folder; got {path}. Make it first.")
    if path.is_dir():
        raise InputError(f"--out must be a file; got the folder {path}. Name another.")
    if path.name in _OF_A_RUN and (path.parent / "manifest.json").exists():
        raise InputError(f"--out must not replace a file of a run; got {path}. Name another.")
