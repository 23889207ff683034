"""Images made on surrogates to fool other models, stored for every target of these surrogates.

No step of `attacks/transfer.py` queries its target, so the images serve all targets.
"""

import hashlib
from functools import cached_property
from pathlib import Path

import numpy as np

from attacks.base import Cost
from attacks.sets.spec import CODE_VERSION
from datasets.base.atomic import atomic
from datasets.base.errors import DAMAGED_ARRAYS
from datasets.base.npz import read_npz


class TransferImages:
    """Images by name, in memory, and on disk so that a killed run continues with the same ones.

    Writes `FOLDER/NAME.npz`, one file per batch, which is never changed.
    """

    def __init__(self, folder: Path) -> None:
        """Use a folder, which need not exist."""
        self._folder = folder

    def missing(self, names: np.ndarray) -> np.ndarray:
        """Indices of names without an image, int64."""
        return np.flatnonzero([name not in self._made for name in names])

    def add(self, names: np.ndarray, images: np.ndarray, cost: Cost) -> None:
        """Keep images float32 (N, H, W, C) and what each cost."""
        costs = np.stack(cost, axis=1)
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic(self._folder / f"{names[0]}.npz") as unfinished:
            np.savez(unfinished, names=names, images=images, costs=costs)
        self._made.update(_by_name(names, images, costs))

    def take(self, names: np.ndarray) -> tuple[np.ndarray, Cost]:
        """Images float32 (N, H, W, C) and costs of names that all have an image."""
        images, costs = zip(*(self._made[name] for name in names), strict=True)
        return np.stack(images), Cost(*np.stack(costs, axis=1))

    @cached_property
    def _made(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Image and cost by name, at first those that an earlier run left in the folder.

        A damaged file is ignored, and replaced when its images are made again.
        """
        made: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for path in sorted(self._folder.glob("[!.]*.npz")):
            try:
                kept = read_npz(path)
                made.update(_by_name(kept["names"], kept["images"], kept["costs"]))
            except DAMAGED_ARRAYS:
                continue
        return made


def _by_name(
    names: np.ndarray, images: np.ndarray, costs: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return dict(zip(names.tolist(), zip(images, costs, strict=True), strict=True))


def names_of(
    recipe: str, images: np.ndarray, labels: np.ndarray, row_ids: np.ndarray
) -> np.ndarray:
    """A name for each image to be made, str (N,): hex sha256 of everything that determines it.

    Images of another code version have other names, as sets have other keys (R22).

    Args:
        recipe: attack, sources, classes and seed.
        images: float32 (N, H, W, C), the clean ones.
        labels: int64 (N,).
        row_ids: int64 (N,), on which random draws depend.
    """
    start = hashlib.sha256(f"{CODE_VERSION} {recipe}".encode())
    names = []
    for image, label, row in zip(images, labels, row_ids, strict=True):
        name = start.copy()
        name.update(f" {label} {row} {image.shape} ".encode() + image.tobytes())
        names.append(name.hexdigest()[:32])
    return np.array(names)
