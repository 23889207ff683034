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

_Batch = dict[str, tuple[np.ndarray, np.ndarray]]
"""Image float32 (H, W, C) and cost by name."""


class TransferImages:
    """Images by name, on disk so that a killed run continues with the same ones.

    Writes `FOLDER/NAME.npz`, one file per batch, which is never changed. In memory are only the
    names.
    """

    def __init__(self, folder: Path) -> None:
        """Use a folder, which need not exist."""
        self._folder = folder

    def missing(self, names: np.ndarray) -> np.ndarray:
        """Indices of names without an image, int64."""
        return np.flatnonzero([name not in self._files for name in names.tolist()])

    def add(self, names: np.ndarray, images: np.ndarray, cost: Cost) -> None:
        """Keep images float32 (N, H, W, C) and what each cost."""
        costs = np.stack(cost, axis=1)
        path = self._folder / f"{names[0]}.npz"
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic(path) as unfinished:
            np.savez(unfinished, names=names, images=images, costs=costs)
        self._files.update(dict.fromkeys(names.tolist(), path))

    def take(self, names: np.ndarray) -> tuple[np.ndarray, Cost]:
        """Images float32 (N, H, W, C) and costs of names that all have an image."""
        wanted = names.tolist()
        made = _Batch()
        for path in {self._files[name] for name in wanted}:
            made |= _read_batch(path)
        images, costs = zip(*(made[name] for name in wanted), strict=True)
        return np.stack(images), Cost(*np.stack(costs, axis=1))

    @cached_property
    def _files(self) -> dict[str, Path]:
        """File of each name, at first those that an earlier run left in the folder.

        A damaged file is ignored, and replaced when its images are made again.
        """
        found: dict[str, Path] = {}
        for path in sorted(self._folder.glob("[!.]*.npz")):
            try:
                found.update(dict.fromkeys(_read_batch(path), path))
            except DAMAGED_ARRAYS:
                continue
        return found


def _read_batch(path: Path) -> _Batch:
    kept = read_npz(path)
    rows = zip(kept["images"], kept["costs"], strict=True)
    return dict(zip(kept["names"].tolist(), rows, strict=True))


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
