"""Images that need not lie in memory: an array of them, or what makes them where it is indexed.

A run of many faces reads and converts its images a block at a time. Images of a set on disk are
`attacks/sets/stored_images.py`.
"""

from typing import Any, Protocol

import numpy as np


class ImageSource(Protocol):
    """N images, float32 (N, ..., H, W, C) in [0, 1], indexed along the first axis as an array is.

    A numpy array is one.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, ..., H, W, C)."""

    def __len__(self) -> int:
        """N."""

    def __getitem__(self, rows: Any, /) -> Any:
        """The image of a row, or an array of those of a slice, a mask or an array of rows."""


class UnitImages:
    """Faces of 8 bits, seen as float32 in [0, 1]; each is converted when it is asked for.

    Args:
        pixels: uint8 (N, H, W, C).
    """

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, H, W, C)."""
        return self.pixels.shape

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, rows: Any, /) -> np.ndarray:
        return self.pixels[rows].astype(np.float32) / 255

    def take(self, rows: np.ndarray) -> "UnitImages":
        """Those of some rows, int64 (M,), still not converted."""
        return UnitImages(self.pixels[rows])


class ChosenImages:
    """Some rows, int64 (M,), of images that are read where they are indexed."""

    def __init__(self, images: ImageSource, rows: np.ndarray) -> None:
        self._images, self._rows = images, rows

    @property
    def shape(self) -> tuple[int, ...]:
        """(M, ..., H, W, C)."""
        return len(self._rows), *self._images.shape[1:]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: Any, /) -> Any:
        return self._images[self._rows[rows]]
