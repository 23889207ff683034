"""Which models of a run are ready to answer, so that memory does not grow with their number."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from fer_models.classifier import Classifier

_Item = TypeVar("_Item")

READY = 6
"""Models that keep what they have compiled: as many as `--models starter` has."""


class Residence:
    """Lets all models but those that were used last free what they can make again.

    Args:
        ready: how many keep it.
    """

    def __init__(self, ready: int = READY) -> None:
        self._ready = ready
        self._used: dict[str, list[Classifier]] = {}

    def used(self, classifier: Classifier) -> None:
        """Tell that a model has been used, in any of its precisions."""
        forms = self._used.pop(classifier.id, [])
        if not any(form is classifier for form in forms):
            forms.append(classifier)
        self._used[classifier.id] = forms
        for longest_ago in [*self._used][: -self._ready]:
            for form in self._used.pop(longest_ago):
                form.release()

    def after(
        self, items: Iterable[_Item], models: Callable[[_Item], Iterable[Classifier]]
    ) -> Iterator[_Item]:
        """Yield the items; the models that made each have been used then."""
        for item in items:
            for model in models(item):
                self.used(model)
            yield item
