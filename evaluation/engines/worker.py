"""A worker: holds the faces of a run and the models it needed last, and computes cells."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from attacks.sets.first_gradients import remembering
from datasets.base.errors import InputError
from evaluation.engines.cells import ChunkCell
from evaluation.engines.engine import Cell, Lost
from evaluation.engines.parcel import Parcel
from evaluation.listener import is_result, one_line
from fer_models.classifier import Classifier

KEPT_MODELS = 2
"""Models in a worker's memory; a worker stays with one while it can."""


class Worker:
    """Computes cells in this process.

    Args:
        images: uint8 (N, H, W, C), the faces of the run.
        parcel: returns the model with an id.
    """

    def __init__(self, images: np.ndarray, parcel: Callable[[str], Parcel]) -> None:
        self._images, self._parcel = images, parcel
        self._models: OrderedDict[tuple[str, bool], Classifier] = OrderedDict()
        self._attacked: Classifier | None = None

    def compute(self, cell: Cell) -> Any:
        """What comes out of a cell, or `Lost`."""
        try:
            classifier = self._model(cell) if cell.model else None
            if classifier is not None and isinstance(cell, ChunkCell):
                classifier = self._attacked = remembering(classifier, self._attacked)
        except Exception as error:  # the driver could load it, so this is no result of the model
            return Lost(f"{one_line(error)} (on a worker; --engine local needs none)", True)
        try:
            return cell.compute(classifier, self._images)
        except Exception as error:  # R24: whatever an attack or a model fails with is a result
            return Lost(one_line(error), not is_result(error))

    def _model(self, cell: Cell) -> Classifier:
        key = cell.model, cell.reduced
        if key not in self._models:
            while len(self._models) >= KEPT_MODELS:
                self._models.popitem(last=False)
            self._attacked = None  # it holds its model
            self._models[key] = self._load(cell)
        self._models.move_to_end(key)
        return self._models[key]

    def _load(self, cell: Cell) -> Classifier:
        with TemporaryDirectory() as folder:
            classifier = self._parcel(cell.model).unpack(Path(folder), self._images)
        if cell.reduced:
            from fer_models.reduced_precision import reduce_precision

            classifier = reduce_precision(classifier)
        if classifier.weights_sha256 != cell.weights_sha256:
            raise InputError(f"{cell.model}: the worker's model is another one than the driver's.")
        return classifier
