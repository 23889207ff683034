"""A mailbox with one slot: the newest item wins, so a slow reader never causes a queue."""

from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """One writer's newest item for one reader.

    Attributes:
        dropped: items that were replaced before anyone took them.
        closed: whether no more items will come.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._changed = Condition()
        self._item: T | None = None
        self.closed = False

    def put(self, item: T) -> None:
        """Put an item, replacing the one that waits."""
        with self._changed:
            self.dropped += self._item is not None
            self._item = item
            self._changed.notify_all()

    def take(self, seconds: float | None = None) -> T | None:
        """Wait for the newest item; None once the mailbox is closed, or after this many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self.closed, seconds)
            item, self._item = self._item, None
            return None if self.closed else item

    def close(self) -> None:
        """Close the mailbox and wake the reader."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()
