"""Whether the models of a reading answer as when it began, kept in its folder.

    fingerprints.json    logits of fixed images by each model's id (`fer_models/identity.py`)

A hash of files sees no weights that code reads from elsewhere. Shipped models are left out, as
nothing but their weights decides, and so are models that answer at random.
"""

import json
from pathlib import Path

import numpy as np

from datasets.base.atomic import atomic
from datasets.base.errors import InputError
from fer_models.classifier import Classifier
from fer_models.identity import fingerprint, same_answers
from fer_models.services.service import BudgetError
from fer_models.wrapped_classifier import innermost
from fer_models.zoo import shipped_id
from live.video.label import Labeller

FINGERPRINTS = "fingerprints.json"
_CHANGED = np.empty(0, np.float32)
"""The fingerprint of a model that changed during a reading: it is no model's, so none goes on."""


class SameModels:
    """The models of one reading, and what they answered when it began."""

    def __init__(self, labeller: Labeller, folder: Path) -> None:
        """Ask the models, and compare them with those that began the reading in a folder, if any.

        Raises:
            InputError: a model gives other logits than then, or fails, or the file is damaged.
        """
        self._labeller, self._path = labeller, folder / FINGERPRINTS
        self._models = [c for c in labeller.classifiers if not _is_shipped(c)]
        self._kept = _read(self._path) if self._path.exists() else {}
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
            self._write(self._kept)

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
                self._write({**self._kept, model.id: _CHANGED})
                raise InputError(
                    f"{self._path.parent}: the model {model.id} gives other logits than when the "
                    "reading began, so the rows are of several models. Make it answer an image "
                    "the same way every time, delete the folder, then read again."
                )
        return notes

    def _ask(self, model: Classifier, draw: str = "") -> np.ndarray:
        return self._labeller.run(fingerprint, model, draw)

    def _write(self, kept: dict[str, np.ndarray]) -> None:
        with atomic(self._path) as unfinished:
            unfinished.write_text(json.dumps({name: rows.tolist() for name, rows in kept.items()}))


def _is_shipped(model: Classifier) -> bool:
    return bool(shipped_id(innermost(model).weights_sha256))


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        with np.errstate(over="ignore"):  # infinite, and so of another model
            return {str(name): np.array(rows, np.float32) for name, rows in kept.items()}
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise InputError(
            f"{path}: expected the logits of the reading's models; it is damaged. Delete the "
            "clip's folder, then read again."
        ) from error
