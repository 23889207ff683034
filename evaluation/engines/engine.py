"""What an engine is: it computes cells, in any order, and returns their arrays.

A cell is one chunk of a set: a model, an attack over its eps grid, and some faces. What comes out
depends on the cell alone, so it does not matter who computes it, when, or how often. Only the
driver, the process of the command, writes into the run folder.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from attacks.sets.chunks import Arrays, Chunk
from attacks.sets.sweep import SetPlan
from evaluation.engines.parcel import Parcel
from evaluation.listener import Listener


@dataclass(frozen=True, eq=False)
class Cell:
    """A piece of work as it is sent to a worker.

    Attributes:
        chunk: what is done.
        rows: int64 (N,), places of its faces among the faces of the run.
        model: id of the attacked model; empty for a corruption.
        weights_sha256: identity of the model as it is attacked, in reduced precision or not.
        reduced: whether its gradients are in reduced precision.
    """

    chunk: Chunk
    rows: np.ndarray
    model: str = ""
    weights_sha256: str = ""
    reduced: bool = False


class Lost(NamedTuple):
    """What a cell has instead of arrays.

    Attributes:
        message: the error in one line.
        ends_run: whether it is no result of the model or the attack, but ends the run.
    """

    message: str
    ends_run: bool = False


@dataclass(frozen=True, eq=False)
class Work:
    """A chunk that is to be made; its cell is built when it is sent, as it may hold images.

    Attributes:
        name: name of the set.
        plan: the set.
        index: number of the chunk.
        rows: int64, places of all faces of the set among the faces of the run.
        model: see `Cell`.
        weights_sha256: see `Cell`.
        reduced: see `Cell`.
    """

    name: str
    plan: SetPlan
    index: int
    rows: np.ndarray
    model: str = ""
    weights_sha256: str = ""
    reduced: bool = False

    def cell(self) -> Cell:
        """What is sent to a worker."""
        rows = self.rows[self.plan.header.chunks[self.index]]
        chunk = self.plan.chunk(self.index)
        return Cell(chunk, rows, self.model, self.weights_sha256, self.reduced)


class Engine(ABC):
    """Computes cells on workers.

    Attributes:
        workers: how many cells are computed at once.
        models: ids of the models that workers can have; the others are attacked by the driver.
    """

    workers: int = 1
    models: frozenset[str] = frozenset()

    @abstractmethod
    def open(self, images: np.ndarray, parcels: Mapping[str, Parcel], listener: Listener) -> None:
        """Send what all cells need.

        Args:
            images: uint8 (N, H, W, C), the faces of the run.
            parcels: the models by id.
            listener: receives a line of text where something unusual happens.
        """

    @abstractmethod
    def run(self, work: deque[Work]) -> Iterator[tuple[Work, Arrays | Lost]]:
        """Compute until nothing is left, in any order; the caller may add work at any time."""

    def close(self) -> None:  # noqa: B027, most engines hold nothing
        """Let the workers go."""
