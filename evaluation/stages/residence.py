"""Which models of a run are ready to answer, so that memory does not grow with their number."""

import ctypes
import gc
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from fer_models.classifier import Classifier

_Item = TypeVar("_Item")

READY = 6
"""Models that may all keep what they have compiled: as many as `--models starter` has."""
SHARE = 0.02
"""Largest share of a run's time that returning memory may take: 0.3 s each time."""


class Residence:
    """Lets models free what they can make again, where a run has too many to keep it for all.

    Each stage of a run goes through all models, and comes back to one only after all others. So
    what is kept serves a run that keeps it for all of them; where it keeps it for fewer, the one
    in use is as good as the last six.

    Args:
        models: number of models in the run.
    """

    def __init__(self, models: int) -> None:
        self._ready = models if models <= READY else 1
        self._used: dict[str, list[Classifier]] = {}
        self._next_return = 0.0

    def used(self, classifier: Classifier) -> None:
        """Tell that a model has been used, in any of its precisions."""
        forms = self._used.pop(classifier.id, [])
        if not any(form is classifier for form in forms):
            forms.append(classifier)
        self._used[classifier.id] = forms
        left = [*self._used][: -self._ready]
        for longest_ago in left:
            for form in self._used.pop(longest_ago):
                form.release()
        if left and (start := time.monotonic()) >= self._next_return:
            return_freed_memory()
            self._next_return = start + (time.monotonic() - start) / SHARE

    def after(
        self, items: Iterable[_Item], models: Callable[[_Item], Iterable[Classifier]]
    ) -> Iterator[_Item]:
        """Yield the items; the models that made each have been used then."""
        for item in items:
            for model in models(item):
                self.used(model)
            yield item


def release_all(classifiers: Iterable[Classifier]) -> None:
    """Free what all models can make again, where none is needed any longer."""
    for classifier in classifiers:
        classifier.release()
    return_freed_memory()


def return_freed_memory() -> None:
    """Give the system the memory that nothing uses any longer.

    Compiled calls refer to each other in cycles, and glibc keeps what was freed between
    allocations that are still in use: 200 MB after `mean_of_nets`. Other C libraries have no
    `malloc_trim`; there only the cycles are collected.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
