"""Pipes and devices given as input: whoever opens one may wait for ever."""

from pathlib import Path

from datasets.base.errors import InputError


def refuse_special_file(path: Path, expected: str) -> None:
    """Refuse a path that is neither file nor folder, such as a named pipe or `/dev/video0`.

    Args:
        path: need not exist.
        expected: what it should hold, such as `a clip`.

    Raises:
        InputError: it is one.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise InputError(
            f"{path}: expected {expected}; found a pipe or a device. Save its content as a file, "
            "and name that."
        )
