"""Save faces under a class, in folders that `datasets` reads."""

from pathlib import Path

import numpy as np
from PIL import Image

from datasets.base.atomic import atomic
from datasets.faceset import Split
from datasets.labels import FER7

KEYS = {
    "a": "angry",
    "d": "disgust",
    "f": "fear",
    "h": "happy",
    "n": "neutral",
    "s": "sad",
    "u": "surprise",
}


class Collector:
    """Writes `<folder>/Training/<class>/<number>.png`, continuing the existing numbers."""

    def __init__(self, folder: Path) -> None:
        """Find the next free number; nothing is written yet."""
        self.folder = folder
        numbers = [int(file.stem) for file in folder.glob("*/*/*.png") if file.stem.isdigit()]
        self._next = max(numbers, default=-1) + 1

    def save(self, face: np.ndarray, name: str) -> Path:
        """Write one face.

        Args:
            face: uint8 (48, 48, 1).
            name: name of a FER class.
        """
        split = self.folder / str(Split.TRAINING)
        for known in FER7.classes:
            (split / known).mkdir(parents=True, exist_ok=True)
        path = split / name / f"{self._next}.png"
        with atomic(path) as unfinished:
            Image.fromarray(face[..., 0]).save(unfinished, format="PNG")
        self._next += 1
        return path
