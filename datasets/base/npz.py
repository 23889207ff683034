"""Read `.npz` archives and notice every changed byte of their arrays.

`numpy.load` reads as many bytes as an array's own header asks for, so it compares the checksum of
the archive only where that header is intact. Here every array is read to its end first.
"""

import io
import zipfile
from collections.abc import Container
from pathlib import Path

import numpy as np


def read_npz(path: Path, names: Container[str] | None = None) -> dict[str, np.ndarray]:
    """Arrays of an archive by name, in its order.

    Args:
        path: the archive.
        names: those to read; None for all.

    Raises:
        OSError: it cannot be opened.
        Exception: it is damaged, one of `datasets.base.errors.DAMAGED_ARRAYS`.
    """
    found = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            name = member.removesuffix(".npy")
            if names is None or name in names:
                content = io.BytesIO(archive.read(member))  # compares the checksum
                found[name] = np.load(content, allow_pickle=False)
    return found
