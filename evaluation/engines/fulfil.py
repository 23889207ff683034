"""Have an engine compute what is ordered, before the run needs it."""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest

from datasets.base.errors import InputError
from evaluation.engines.engine import Engine, Lost, Order, Work
from evaluation.listener import Listener
from fer_models.classifier import ModelError


class LostCellError(ModelError):
    """A cell failed on a worker; the message is the one that it failed with there."""


AHEAD = 4
"""Parts per worker that wait to be sent; an order that has begun may hold the faces of its set."""


def fulfil(orders: Sequence[Order], engine: Engine, listener: Listener) -> None:
    """Compute what is ordered.

    Orders of as many models as there are workers take turns, so that each worker can stay with
    one of them.

    Args:
        orders: in the order in which the run needs them.
        engine: computes.
        listener: receives the progress.

    Raises:
        InputError: a cell met a mistake of the user's, or a worker cannot load a model.
    """
    waiting, queue = [*_in_turns(orders, engine.workers)], deque[Work]()

    def begin_more() -> None:
        while len(queue) < AHEAD * engine.workers:
            order = next((o for o in waiting if o.after is None or o.after.left == 0), None)
            if order is None:
                return
            waiting.remove(order)
            parts = order.begin()
            order.left = len(parts)
            queue.extend(Work(order, part) for part in parts)

    begin_more()
    while queue:
        for work, result in engine.run(queue):
            order = work.order
            assert order.left is not None
            order.left -= 1
            if isinstance(result, Lost):
                if result.ends_run:
                    raise InputError(result.message)
                order.lost[work.part] = result
                for other in [w for w in queue if w.order is order and w.part > work.part]:
                    queue.remove(other)
                    order.left -= 1
            else:
                order.keep(work.part, result)
            listener.chunk(order.name, order.count - order.left, order.count)
            begin_more()


def _in_turns(orders: Sequence[Order], models: int) -> Iterator[Order]:
    """The orders, those of so many models at a time one by one in turn."""
    by_model: dict[str, list[Order]] = {}
    for order in orders:
        by_model.setdefault(order.model, []).append(order)
    lists = [*by_model.values()]
    for first in range(0, len(lists), models):
        together = zip_longest(*lists[first : first + models])
        yield from (order for order in chain(*together) if order is not None)
