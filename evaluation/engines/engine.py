"""What an engine is: it computes cells, in any order, and returns what comes out of each.

What comes out depends on the cell, the faces of the run and a model alone, so it does not matter
who computes it, when, or how often. Only the driver, the process of the command, writes into the
run folder. Not here: what there is to compute (`evaluation/engines/cells.py`, `orders.py`).
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np

from evaluation.engines.parcel import Parcel
from evaluation.listener import Listener
from fer_models.classifier import Classifier, ModelError


@dataclass(frozen=True, eq=False, kw_only=True)
class Cell(ABC):
    """A piece of work as it is sent to a worker.

    Attributes:
        model: id of the model that is needed; empty for none.
        weights_sha256: identity of the model as it is needed, in reduced precision or not.
        reduced: whether its gradients are in reduced precision.
    """

    model: str = ""
    weights_sha256: str = ""
    reduced: bool = False

    @abstractmethod
    def compute(self, classifier: Classifier | None, faces: np.ndarray) -> Any:
        """Compute the cell.

        Args:
            classifier: the model; None where none is needed.
            faces: uint8 (N, H, W, C), the faces of the run.
        """


class Lost(NamedTuple):
    """What a cell has instead of a result.

    Attributes:
        message: the error in one line.
        ends_run: whether it is no result of the model or the attack, but ends the run.
        died: whether its workers died while computing it.
    """

    message: str
    ends_run: bool = False
    died: bool = False


class LostCellError(ModelError):
    """A cell failed on a worker; the message is the one that it failed with there."""


@dataclass(kw_only=True, eq=False)
class Order(ABC):
    """What an engine shall compute, in parts that are sent one by one.

    Attributes:
        name: of what is made.
        model: see `Cell`.
        weights_sha256: see `Cell`.
        reduced: see `Cell`.
        after: order of the same model that must be done before this one can begin.
        held: faces that it holds while it is under way.
        left: number of parts that have not come back; None before it has begun.
        lost: errors by number of the part.
    """

    name: str
    model: str = ""
    weights_sha256: str = ""
    reduced: bool = False
    after: "Order | None" = None
    held: int = 0
    left: int | None = None
    lost: dict[int, Lost] = field(default_factory=dict)

    needs_all: ClassVar[bool] = True
    """Whether it is of no use without one of its parts, so that the later ones are dropped."""

    @property
    def died(self) -> str:
        """What to say if workers died over the first part that was lost; empty if they did not."""
        first = self.lost[min(self.lost)] if self.lost else None
        return first.message if first and first.died else ""

    @property
    @abstractmethod
    def count(self) -> int:
        """Number of all parts, once it has begun."""

    @abstractmethod
    def begin(self) -> list[int]:
        """Numbers of the parts that are to be computed."""

    @abstractmethod
    def cell(self, part: int) -> Cell:
        """What is sent to a worker."""

    @abstractmethod
    def keep(self, part: int, result: Any) -> None:
        """Take the result of a part."""


@dataclass(frozen=True, eq=False)
class Work:
    """A part of an order; its cell is built when it is sent, as it may hold images."""

    order: Order
    part: int

    @property
    def name(self) -> str:
        """Name of the order."""
        return self.order.name

    @property
    def model(self) -> str:
        """Id of the model that is needed; empty for none."""
        return self.order.model

    def cell(self) -> Cell:
        """What is sent to a worker."""
        return self.order.cell(self.part)


class Engine(ABC):
    """Computes cells on workers.

    Attributes:
        workers: how many cells are computed at once.
        models: ids of the models that workers can have; the others are left to the driver.
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
    def run(self, work: deque[Work]) -> Iterator[tuple[Work, Any]]:
        """Compute until nothing is left, in any order; the caller may add work at any time.

        Yields:
            Work that is done and what came out of its cell, or `Lost`.
        """

    def close(self) -> None:  # noqa: B027, most engines hold nothing
        """Let the workers go."""
