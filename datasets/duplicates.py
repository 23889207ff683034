"""Pixel-identical images: groups, leaks from one split into another, conflicting labels."""

from dataclasses import dataclass

import numpy as np

from datasets.labels import NO_LABEL


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Pixel-identical images of a source.

    Attributes:
        group: int64 (N,), number shared by all images with the same pixels, counted from 0 in
            order of appearance; -1 for an image without duplicates.
        constant: bool (N,), the image has one colour only.
        conflicting: bool (N,), its group has more than one label.
    """

    group: np.ndarray
    constant: np.ndarray
    conflicting: np.ndarray

    @property
    def num_groups(self) -> int:
        """Groups of at least two images."""
        return int(self.group.max(initial=-1)) + 1

    @property
    def num_conflicting_groups(self) -> int:
        """Groups with more than one label."""
        return len(np.unique(self.group[self.conflicting]))


def first_identical(images: np.ndarray) -> np.ndarray:
    """Row of the first image with the same pixels, int64 (N,), for images uint8 (N, H, W, C)."""
    first: dict[bytes, int] = {}
    rows = [first.setdefault(image.tobytes(), row) for row, image in enumerate(images)]
    return np.array(rows, dtype=np.int64)


def find_duplicates(images: np.ndarray, labels: np.ndarray | None = None) -> Duplicates:
    """Group pixel-identical images uint8 (N, H, W, C); labels int (N,) reveal conflicts.

    Images with `NO_LABEL` conflict with none.
    """
    group = np.full(len(images), -1, dtype=np.int64)
    conflicting = np.zeros(len(images), dtype=bool)
    first = first_identical(images)
    originals, counts = np.unique(first, return_counts=True)
    for number, original in enumerate(originals[counts > 1]):
        members = first == original
        group[members] = number
        if labels is not None:
            known = labels[members & (labels != NO_LABEL)]
            conflicting[members] = len(np.unique(known)) > 1
    constant = (images == images[:, :1, :1]).all(axis=(1, 2, 3))
    return Duplicates(group, constant, conflicting)


def found_in(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Boolean (N,): which images uint8 (N, H, W, C) also occur, pixel for pixel, in `others`."""
    known = {image.tobytes() for image in others}
    return np.array([image.tobytes() in known for image in images], dtype=bool)
