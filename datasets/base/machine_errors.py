"""Failures of the machine: they end a command, and are no result of what was being computed."""

import errno

_OF_DISKS = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EIO", "ESTALE", "EMFILE", "ENFILE")
    if hasattr(errno, name)
}
"""A full, read-only or broken disk, or too many open files."""


def is_of_machine(error: Exception) -> bool:
    """Whether a disk failed, or memory ran out, whatever model or attack met it.

    After an allocation that fails within TensorFlow its next call may wait for ever. A subclass of
    MemoryError, as numpy has it, tells that one array is too large: that is a result.
    """
    return type(error) is MemoryError or (isinstance(error, OSError) and error.errno in _OF_DISKS)
