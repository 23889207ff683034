"""Failures of a disk: they end a command, and are no result of what was being computed."""

import errno

_NUMBERS = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EIO", "ESTALE", "EMFILE", "ENFILE")
    if hasattr(errno, name)
}
"""A full, read-only or broken disk, or too many open files."""


def is_of_storage(error: Exception) -> bool:
    """Whether a disk failed, which is no result of the model or attack that met it."""
    return isinstance(error, OSError) and error.errno in _NUMBERS
