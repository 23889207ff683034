"""Have an engine compute what is ordered, before the run needs it."""

from collections import Counter, deque
from collections.abc import Sequence

from datasets.base.errors import InputError
from evaluation.engines.engine import Engine, Lost, Order, Work
from evaluation.listener import Listener

AHEAD = 4
"""Parts per worker that wait to be sent, and at least as many of each model under way."""
HELD_FACES = 100_000
"""Faces that the orders under way hold together, 0.23 GB of 48 pixels; one order may hold more."""


def fulfil(orders: Sequence[Order], engine: Engine, listener: Listener) -> None:
    """Compute what is ordered.

    As many models are under way at once as there are workers, if their orders do not hold too many
    faces, so that a worker can stay with one of them until nothing of it is left.

    Args:
        orders: in the order in which the run needs them.
        engine: computes.
        listener: receives the progress.

    Raises:
        InputError: a cell met a mistake of the user's, or a worker cannot load a model.
    """
    waiting: dict[str, list[Order]] = {}
    for order in orders:
        waiting.setdefault(order.model, []).append(order)
    held = max((order.held for order in orders), default=0)
    queue = deque[Work]()

    def begin_more() -> None:
        models = max(1, min(engine.workers, HELD_FACES // max(held, 1)))
        while order := _next_order(waiting, models, queue, AHEAD * engine.workers):
            waiting[order.model].remove(order)
            if not waiting[order.model]:
                del waiting[order.model]
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
                if order.needs_all:
                    for other in [w for w in queue if w.order is order and w.part > work.part]:
                        queue.remove(other)
                        order.left -= 1
            else:
                order.keep(work.part, result)
            listener.chunk(order.name, order.count - order.left, order.count)
            begin_more()


def _next_order(
    waiting: dict[str, list[Order]], models: int, queue: deque[Work], enough: int
) -> Order | None:
    """The order to begin: of the first `models` models the one that has the fewest parts waiting.

    None when enough parts wait, or all that are left come after others.
    """
    parts = Counter(work.model for work in queue)
    found: Order | None = None
    for model in [*waiting][:models]:
        ready = (o for o in waiting[model] if o.after is None or o.after.left == 0)
        order = next(ready, None)
        if order and (found is None or parts[model] < parts[found.model]):
            found = order
    if found and parts[found.model] >= AHEAD and len(queue) >= enough:
        return None
    return found
