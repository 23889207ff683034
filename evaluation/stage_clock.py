"""Seconds that a run spends in each of its stages, for its manifest and `--verbose`."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

_Item = TypeVar("_Item")


class StageClock:
    """Adds up the wall-clock time of named stages; a stage must not hold another one."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time inside the `with` block, also when it ends with an error."""
        start = time.monotonic()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + time.monotonic() - start

    def making(self, name: str, items: Iterable[_Item]) -> Iterator[_Item]:
        """Count the time that an iterable takes to make its items, not what is done with them."""
        iterator = iter(items)
        while True:
            with self.stage(name):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds of each stage so far, to a tenth, in the order in which they began."""
        return {name: round(seconds, 1) for name, seconds in self._seconds.items()}
