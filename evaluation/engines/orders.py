"""Have an engine make the chunks of sets before the run reads them.

Chunks that an engine returns are written where the run itself would have written them, so that
afterwards everything goes as if it had been resumed: same folders, same hashes, same tables.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from attacks.sets.sweep import SetPlan
from datasets.base.errors import InputError
from evaluation.engines.engine import Engine, Lost, Work
from evaluation.listener import Listener
from fer_models.classifier import ModelError


class LostCellError(ModelError):
    """A cell failed on a worker; the message is the one that it failed with there."""


AHEAD = 4
"""Chunks per worker that are planned ahead; each open plan holds the faces of its set."""


@dataclass(eq=False)
class Order:
    """A set that an engine shall make.

    Attributes:
        name: name of the set.
        plan: plans it; called when `after` is done. What it raises is left to the run, which does
            the same again.
        rows: int64 (N,), places of its faces among the faces of the run.
        model: see `Cell`.
        weights_sha256: see `Cell`.
        reduced: see `Cell`.
        after: order whose set it copies equal faces from.
        made: number of chunks that the engine made.
        lost: errors by number of the chunk.
    """

    name: str
    plan: Callable[[], SetPlan]
    rows: np.ndarray
    model: str = ""
    weights_sha256: str = ""
    reduced: bool = False
    after: "Order | None" = None
    made: int = 0
    lost: dict[int, str] = field(default_factory=dict)
    left: int | None = None

    @property
    def error(self) -> str:
        """The error of the first chunk that failed, as a run without an engine meets it."""
        return self.lost[min(self.lost)] if self.lost else ""


def fulfil(orders: Sequence[Order], engine: Engine, listener: Listener) -> None:
    """Make the missing chunks of all sets.

    Args:
        orders: in the order in which the run reads them.
        engine: computes.
        listener: receives the progress.

    Raises:
        InputError: a cell met a mistake of the user's, or a worker cannot load a model.
    """
    waiting, queue = list(orders), deque[Work]()
    of_work: dict[Work, Order] = {}

    def plan_more() -> None:
        while len(queue) < AHEAD * engine.workers:
            order = next((o for o in waiting if o.after is None or o.after.left == 0), None)
            if order is None:
                return
            waiting.remove(order)
            for work in _works(order):
                of_work[work] = order
                queue.append(work)

    plan_more()
    while queue:
        for work, result in engine.run(queue):
            order = of_work.pop(work)
            assert order.left is not None
            order.left -= 1
            if isinstance(result, Lost):
                if result.ends_run:
                    raise InputError(result.message)
                order.lost[work.index] = result.message
                for other in [w for w in queue if of_work[w] is order and w.index > work.index]:
                    queue.remove(other)
                    del of_work[other]
                    order.left -= 1
            else:
                work.plan.keep(work.index, result)
                order.made += 1
            count = len(work.plan.header.chunks)
            listener.chunk(work.name, count - order.left, count)
            plan_more()


def _works(order: Order) -> list[Work]:
    """The missing chunks of a set; none where the run itself will meet an error."""
    try:
        plan = order.plan()
        missing = plan.missing()
    except Exception:  # the run plans the same set again, and reports it
        order.left = 0
        return []
    order.left = len(missing)
    shared = (order.rows, order.model, order.weights_sha256, order.reduced)
    return [Work(order.name, plan, index, *shared) for index in missing]
