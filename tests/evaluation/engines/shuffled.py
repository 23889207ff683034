"""An engine without other processes, which returns cells in any order and may lose some."""

import pickle
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from evaluation.engines.cells import ProbeCell
from evaluation.engines.engine import Cell, Engine, Lost, Work
from evaluation.engines.parcel import Parcel
from evaluation.engines.worker import Worker
from evaluation.listener import Listener
from fer_models.classifier import Classifier
from fer_models.reduced_precision import reduce_precision


class HeldWorker(Worker):
    """A worker whose models are in memory."""

    def __init__(self, images: np.ndarray, models: Mapping[str, Classifier]) -> None:
        def no_parcel(model: str) -> Parcel:
            raise AssertionError(model)

        super().__init__(images, no_parcel)
        self._held = models

    def _load(self, cell: Cell) -> Classifier:
        model = self._held[cell.model]
        return reduce_precision(model) if cell.reduced else model


class Shuffled(Engine):
    """Computes cells one by one, in random order, each as another process would receive it.

    Attributes:
        done: names of the cells that were computed; of probes after their rule.
        loses: such names; their cells are lost with their worker.
        stops_after: number of cells after which the process is interrupted.
    """

    def __init__(self, images: np.ndarray, models: Sequence[Classifier], seed: int = 0) -> None:
        self.workers, self.models = 2, frozenset(model.id for model in models)
        self.done: list[str] = []
        self.loses: tuple[str, ...] = ()
        self.stops_after = 10**6
        self._rng = np.random.default_rng(seed)
        self._worker = HeldWorker(images, {model.id: model for model in models})

    def open(self, images: np.ndarray, parcels: Mapping[str, Parcel], listener: Listener) -> None:
        raise AssertionError("it is open from the beginning")

    def run(self, work: deque[Work]) -> Iterator[tuple[Work, Any]]:
        while work:
            index = int(self._rng.integers(len(work)))
            one = work[index]
            del work[index]
            if len(self.done) == self.stops_after:
                raise KeyboardInterrupt
            cell = one.cell()
            name = f"{cell.part.rule} {one.name}" if isinstance(cell, ProbeCell) else one.name
            self.done.append(name)
            if name in self.loses:
                yield one, Lost("its worker died 4 times while computing it", died=True)
                continue
            result = self._worker.compute(pickle.loads(pickle.dumps(cell)))
            yield one, pickle.loads(pickle.dumps(result))
