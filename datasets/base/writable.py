"""Output paths: default folders with a fallback if they cannot be written, and checks of --out.

A path that the user named is never replaced: if it cannot be written, that is an error.
"""

import sys
import tempfile
from pathlib import Path

from datasets.base.errors import InputError

_OF_A_RUN = ("results.csv", "report.md")
"""Tables that a run writes next to its `manifest.json`."""


def can_write(folder: Path) -> bool:
    """Whether files can be created in the folder, or in its nearest existing parent."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        tempfile.TemporaryFile(dir=existing).close()
    except OSError:  # read-only, not ours, or not a folder
        return False
    return True


def default_folder(folder: Path) -> Path:
    """Return the folder, or a temporary one (and say so) if it cannot be written."""
    if can_write(folder):
        return folder
    other = Path(tempfile.mkdtemp(prefix=f"deadpan-{folder.name}-"))
    print(
        f"{folder} cannot be written; writing to {other} (--out chooses another folder)",
        file=sys.stderr,
    )
    return other


def unused_folder(folder: Path) -> Path:
    """The folder, or `FOLDER-2` and so on where files are in it, as of a command that began first.

    For a name that a time gives, which commands that begin in one second share.
    """
    number, found = 1, folder
    while found.exists() and any(found.iterdir()):
        number += 1
        found = folder.with_name(f"{folder.name}-{number}")
    return found


def check_file(
    path: Path | None, *endings: str, option: str = "--out", make_folder: bool = False
) -> None:
    """Refuse an output file that cannot be written, before anything is computed.

    Args:
        path: value of the option; None if not given.
        endings: allowed file endings, such as `.csv`.
        option: its name.
        make_folder: whether its folder will be made, so that it need not exist.

    Raises:
        InputError: another ending, a folder, a missing parent folder, or a table of a run.
    """
    if path is None:
        return
    if path.suffix not in endings:
        raise InputError(f"{option} must end in {' or '.join(endings)}; got {path}.")
    if make_folder and not can_write(path.parent):
        raise InputError(f"{option} must be in a folder that can be written; got {path}.")
    if not (make_folder or path.parent.is_dir()):
        raise InputError(f"{option} must be in an existing folder; got {path}. Create it first.")
    if path.is_dir():
        raise InputError(f"{option} must be a file; got the folder {path}. Choose another.")
    if path.name in _OF_A_RUN and (path.parent / "manifest.json").exists():
        raise InputError(f"{option} must not replace a file of a run; got {path}. Choose another.")


def check_outcome_file(path: Path | None, *endings: str, option: str) -> None:
    """Refuse an output file as `check_file` does, its folder is made, and delete an earlier one.

    For what a build reads whatever the exit code is: the file of an earlier start would pass for
    that of one that fails before it writes.
    """
    check_file(path, *endings, option=option, make_folder=True)
    if path is not None:
        path.unlink(missing_ok=True)
