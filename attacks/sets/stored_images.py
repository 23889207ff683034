"""Images of a set on disk, read chunk by chunk when they are asked for."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class StoredImages:
    """An `ImageSource` over the chunks of a set, of which it holds at most the one read last.

    Args:
        read: returns the images of a chunk, float32 (M, ..., H, W, C), by its number.
        counts: images of each chunk.
        shape: (..., H, W, C) of one of them.
    """

    def __init__(
        self,
        read: Callable[[int], np.ndarray],
        counts: Sequence[int],
        shape: tuple[int, ...],
    ) -> None:
        self._read, self._shape = read, shape
        self._ends = np.cumsum(counts, dtype=np.int64)
        self._held: tuple[int, np.ndarray] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, ..., H, W, C)."""
        return len(self), *self._shape

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def __getitem__(self, rows: Any, /) -> np.ndarray:
        chosen = np.arange(len(self))[rows]
        wanted = np.atleast_1d(chosen)
        chunks = np.searchsorted(self._ends, wanted, side="right")
        found = np.empty((len(wanted), *self._shape), np.float32)
        for chunk in np.unique(chunks):
            here = chunks == chunk
            images = self._chunk(int(chunk))
            found[here] = images[wanted[here] - (self._ends[chunk] - len(images))]
        if self._held and self._ends[self._held[0]] - 1 in wanted:
            self._held = None  # read to its end
        return found if np.ndim(chosen) else found[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All of them in memory at once, for small sets."""
        return self[:].astype(dtype or np.float32, copy=False)

    def one_by_one(self) -> "StoredImages":
        """The same images with all axes before the last three joined: float32 (M, H, W, C)."""
        each = int(np.prod(self._shape[:-3], dtype=np.int64))
        counts = np.diff(self._ends, prepend=0) * each
        read, shape = self._read, self._shape[-3:]
        return StoredImages(lambda index: read(index).reshape(-1, *shape), counts.tolist(), shape)

    def _chunk(self, index: int) -> np.ndarray:
        if self._held is None or self._held[0] != index:
            self._held = None  # not two chunks at once
            self._held = index, self._read(index)
        return self._held[1]
