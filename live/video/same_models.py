"""Whether the models of a reading answer as when it began, kept in its folder.

    fingerprints.json    logits of fixed images by each model's id (`fer_models/identity.py`)

A hash of files sees no weights that code reads from elsewhere. Shipped models are left out, as
nothing but their weights decides, and so are models that answer at random.
"""

from pathlib import Path

import numpy as np

from datasets.base.errors import InputError
from fer_models.classifier import Classifier
from fer_models.identity import (
    CHANGED,
    fingerprint,
    read_fingerprints,
    same_answers,
    write_fingerprints,
)
from fer_models.services.service import BudgetError
from fer_models.wrapped_classifier import innermost
from fer_models.zoo import shipped_id
from live.video.label import Labeller

FINGERPRINTS = "fingerprints.json"
_STEP = "Delete the clip's folder, then read again."


class SameModels:
    """The models of one reading, and what they answered when it began."""

    def __init__(self, labeller: Labeller, folder: Path) -> None:
        """Ask the models, and compare them with those that began the reading in a folder, if any.

        Raises:
            InputError: a model gives other logits than then, or fails, or the file is damaged.
        """
        self._labeller, self._path = labeller, folder / FINGERPRINTS
        self._models = [c for c in labeller.classifiers if not _is_shipped(c)]
        self._kept = read_fingerprints(self._path, "reading", _STEP) if self._path.exists() else {}
        asked = {model.id: self._ask(model) for model in self._models}
        for name, before in self._kept.items():
            if name not in asked or not same_answers(before, asked[name]):
                raise InputError(
                    f"{folder}: the model {name} gives other logits than when the reading began, "
                    "though its files are the same. Restore what it reads, or name another --out."
                )
        if not self._kept:
            again = {model.id: self._ask(model, "again") for model in self._models}
            self._kept = {n: rows for n, rows in asked.items() if same_answers(rows, again[n])}

    def keep(self) -> None:
        """Write down what the models answered when the reading began, if that can change."""
        if self._kept:
            write_fingerprints(self._kept, self._path)

    def check_again(self) -> list[str]:
        """Compare the models with those that began the reading, once all frames are read.

        A reading with a model that changed cannot be resumed: its rows are of several models.

        Returns:
            A sentence for each model that could not be asked any more.

        Raises:
            InputError: a model gives other logits than when the reading began.
        """
        notes = []
        for model in (each for each in self._models if each.id in self._kept):
            try:
                now = self._ask(model, "at the end")
            except BudgetError as error:
                notes.append(
                    f"Whether {model.id} gives the same answers as at the beginning was not "
                    f"checked at the end. {error}"
                )
                continue
            if not same_answers(self._kept[model.id], now):
                write_fingerprints({**self._kept, model.id: CHANGED}, self._path)
                raise InputError(
                    f"{self._path.parent}: the model {model.id} gives other logits than when the "
                    "reading began, so the rows are of several models. Make it answer an image "
                    "the same way every time, delete the folder, then read again."
                )
        return notes

    def _ask(self, model: Classifier, draw: str = "") -> np.ndarray:
        return self._labeller.run(fingerprint, model, draw)


def _is_shipped(model: Classifier) -> bool:
    return bool(shipped_id(innermost(model).weights_sha256))
