"""The shelf: classifiers that are loaded, or being loaded while the picture goes on.

Loading, the first compiled call and attacks that are learnt ahead take a second or more, so a
thread of its own does them.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from datasets.base.errors import InputError
from datasets.labels import SCHEMES
from faces.crop import SIZE
from fer_models import zoo
from fer_models.classifier import Classifier, DifferentiableClassifier
from fer_models.losses import Loss
from live.learnt import Learnt, learn
from live.settings import DEFENCES
from live.towards import Towards, towards

WARM_SIZES = (1, 2, 4)
"""Batch sizes tried at start: one face, its second classifier, a family."""


class Choice(NamedTuple):
    """A classifier that viewers may choose: id, label set, classes."""

    id: str
    label_set: str
    classes: tuple[str, ...]


class Shelf:
    """Classifiers by id, each loaded once."""

    def __init__(self, ids: list[str]) -> None:
        """Name what may be chosen; nothing is loaded yet.

        Args:
            ids: of classifiers, see `fer_models.zoo.resolve`; the first is the default.
        """
        self.ids = ids
        self._loader = ThreadPoolExecutor(1, "loader")
        self._loads: dict[str, Future[Classifier]] = {}
        self._learnt: dict[tuple[str, str], Future[Learnt]] = {}
        self._views: dict[tuple[str, int], Towards] = {}

    @property
    def choices(self) -> list[Choice]:
        """What may be chosen, the default first."""
        described = ((model, zoo.describe(model).label_set) for model in self.ids)
        return [Choice(m, s, SCHEMES[s].classes if s in SCHEMES else ()) for m, s in described]

    def counterpart(self, model: str) -> str:
        """The same architecture under the other label set; empty when there is none."""
        return zoo.counterpart(model, self.ids)

    def add(self, classifier: Classifier) -> None:
        """Put a classifier on the shelf under its id."""
        load: Future[Classifier] = Future()
        load.set_result(classifier)
        self._loads[classifier.id] = load

    def ask(self, model: str) -> Classifier | None:
        """A classifier, or None while it is being loaded.

        Args:
            model: one of `ids`, perhaps with one defence of `live.settings` behind it.

        Raises:
            InputError: not one of them, or it could not be loaded.
        """
        if model not in self._loads:
            base, _, defence = model.rpartition("+")
            if model not in self.ids and not (base in self.ids and defence in DEFENCES):
                raise InputError(f"no model {model[:60]!r}; choose one of {', '.join(self.ids)}.")
            self._loads[model] = self._loader.submit(_load, model)
        load = self._loads[model]
        return load.result() if load.done() else None

    def wait(self, model: str) -> Classifier:
        """A classifier, however long that takes; see `ask`."""
        return self.ask(model) or self._loads[model].result()

    def ask_learnt(self, classifier: Classifier, attack: str) -> Learnt | None:
        """An attack of `live.learnt` on a classifier or a view of it, or None while it is learnt.

        Raises:
            InputError: the classifier has no gradients.
        """
        key = classifier.id, attack
        if key not in self._learnt:
            self._learnt[key] = self._loader.submit(learn, classifier, attack)
        future = self._learnt[key]
        return future.result() if future.done() else None

    def wait_learnt(self, classifier: Classifier, attack: str) -> Learnt:
        """The same, however long it takes."""
        return self.ask_learnt(classifier, attack) or self._learnt[classifier.id, attack].result()

    def view(self, classifier: Classifier, target: str) -> Towards:
        """The classifier as an attack on a target sees it.

        Raises:
            InputError: it has no such class.
        """
        classes = classifier.scheme.classes
        if target not in classes:
            raise InputError(
                f"{classifier.id} has no class {target[:40]!r}; choose one of {', '.join(classes)}."
            )
        key = classifier.id, classes.index(target)
        if key not in self._views:
            self._views[key] = towards(classifier, key[1])
        return self._views[key]


def _load(model: str) -> Classifier:
    """Load a classifier, named as it was asked for: a training has the id of the shipped net."""
    classifier = zoo.load(model)
    classifier.id = model
    for size in WARM_SIZES:
        images, labels = np.zeros((size, SIZE, SIZE, 1), np.float32), np.zeros(size, np.int64)
        classifier.logits(images)
        if isinstance(classifier, DifferentiableClassifier):
            classifier.input_gradients(images, labels, Loss.SCALED_CROSS_ENTROPY)
    return classifier
