"""Images that models made to fool others, kept for every target that the same models stand in for.

No step of `attacks/transfer.py` asks its target, so what was made for one serves all.
"""

import hashlib
import zipfile
from pathlib import Path

import numpy as np

from attacks.base import Cost
from datasets.atomic import atomic


class TransferImages:
    """Images by name, in memory, and on disk so that a killed run goes on with the same ones.

    Writes `FOLDER/NAME.npz`, a file a batch, never changed.
    """

    def __init__(self, folder: Path) -> None:
        """Take what an earlier start left in the folder, which need not exist.

        A file that is damaged is left out, and written again once its images are made again.
        """
        self._folder = folder
        self._images: dict[str, np.ndarray] = {}
        self._costs: dict[str, np.ndarray] = {}
        for path in sorted(folder.glob("[!.]*.npz")):
            try:
                with open(path, "rb") as file, np.load(file, allow_pickle=False) as kept:
                    self._hold(kept["names"], kept["images"], kept["costs"])
            except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
                continue

    def missing(self, names: np.ndarray) -> np.ndarray:
        """Places of names without an image, int64."""
        return np.flatnonzero([name not in self._images for name in names])

    def add(self, names: np.ndarray, images: np.ndarray, cost: Cost) -> None:
        """Keep images float32 (N, H, W, C) and what each cost."""
        costs = np.stack(cost, axis=1)
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic(self._folder / f"{names[0]}.npz") as unfinished:
            np.savez(unfinished, names=names, images=images, costs=costs)
        self._hold(names, images, costs)

    def take(self, names: np.ndarray) -> tuple[np.ndarray, Cost]:
        """Images float32 (N, H, W, C) and costs of names that are all there."""
        costs = np.stack([self._costs[name] for name in names])
        return np.stack([self._images[name] for name in names]), Cost(*costs.T)

    def _hold(self, names: np.ndarray, images: np.ndarray, costs: np.ndarray) -> None:
        self._images.update(zip(names.tolist(), images, strict=True))
        self._costs.update(zip(names.tolist(), costs, strict=True))


def names_of(
    recipe: str, images: np.ndarray, labels: np.ndarray, row_ids: np.ndarray
) -> np.ndarray:
    """A name for each image to be made, str (N,): hex sha256 of all that decides it.

    Args:
        recipe: attack, sources, classes and seed.
        images: float32 (N, H, W, C), the clean ones.
        labels: int64 (N,).
        row_ids: int64 (N,), what draws hang on.
    """
    start = hashlib.sha256(recipe.encode())
    names = []
    for image, label, row in zip(images, labels, row_ids, strict=True):
        name = start.copy()
        name.update(f" {label} {row} {image.shape} ".encode() + image.tobytes())
        names.append(name.hexdigest()[:32])
    return np.array(names)
