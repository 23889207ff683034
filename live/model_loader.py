"""Load classifiers and precompute attacks in the background, while the video continues.

Loading, the first compiled call and precomputed attacks take a second or more, so they run on their
own thread.
"""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np

from datasets.base.errors import InputError
from fer_models import zoo
from fer_models.classifier import Classifier, DifferentiableClassifier
from fer_models.losses import Loss
from live.precomputed import Precomputed, precompute
from live.settings import DEFENCES
from live.towards import Towards, towards

Result = TypeVar("Result")
WARM_SIZES = (1, 2, 4)
"""Batch sizes called once after loading, so that no viewer waits for the first call."""


class Choice(NamedTuple):
    """A classifier on offer: id, label set, classes."""

    id: str
    label_set: str
    classes: tuple[str, ...]


class ModelLoader:
    """Classifiers by id, each loaded once."""

    def __init__(self, ids: list[str]) -> None:
        """Set the classifiers on offer; nothing is loaded yet.

        Args:
            ids: ids of classifiers, see `fer_models.zoo.resolve`; the first is the default.
        """
        self.ids = ids
        self._worker = ThreadPoolExecutor(1, "loader")
        self._loads: dict[str, Future[Classifier]] = {}
        self._precomputed: dict[tuple[str, str], Future[Precomputed]] = {}
        self._views: dict[tuple[str, int], Towards] = {}

    @property
    def choices(self) -> list[Choice]:
        """Classifiers on offer, the default first."""
        described = ((model, zoo.describe(model)) for model in self.ids)
        return [Choice(model, known.label_set, known.classes) for model, known in described]

    def counterpart(self, model: str) -> str:
        """Id of the same architecture under the other label set; empty if there is none."""
        return zoo.counterpart(model, self.ids)

    def add(self, classifier: Classifier) -> None:
        """Add a loaded classifier under its id."""
        load: Future[Classifier] = Future()
        load.set_result(classifier)
        self._loads[classifier.id] = load

    def ask(self, model: str) -> Classifier | None:
        """Return a classifier, or None while it is being loaded.

        Args:
            model: one of `ids`, optionally with one defence of `live.settings` appended.

        Raises:
            InputError: another id, or a model that cannot be loaded.
        """
        load = self._load_of(model)
        return _result(load) if load.done() else None

    def wait(self, model: str) -> Classifier:
        """Wait for a classifier and return it; see `ask`."""
        return _result(self._load_of(model))

    def try_again(self, models: Iterable[str]) -> None:
        """Forget that models could not be loaded: their files may have been fixed since."""
        for model in models:
            load = self._loads.get(model)
            if load is not None and load.done() and load.exception() is not None:
                self._loads.pop(model, None)

    def _load_of(self, model: str) -> Future[Classifier]:
        """A model's load, which the first question for it begins."""
        load = self._loads.get(model)
        if load is None:
            base, _, defence = model.rpartition("+")
            if model not in self.ids and not (base in self.ids and defence in DEFENCES):
                raise InputError(f"no model {model[:60]!r}; choose one of {', '.join(self.ids)}.")
            load = self._loads[model] = self._worker.submit(_load, model)
        return load

    def ask_precomputed(self, classifier: Classifier, attack: str) -> Precomputed | None:
        """Return an attack of `live.precomputed`, or None while it is being computed.

        Raises:
            InputError: the classifier has no gradients.
        """
        future = self._precomputing(classifier, attack)
        return _result(future) if future.done() else None

    def wait_precomputed(self, classifier: Classifier, attack: str) -> Precomputed:
        """Wait for an attack of `live.precomputed` and return it; see `ask_precomputed`."""
        return _result(self._precomputing(classifier, attack))

    def _precomputing(self, classifier: Classifier, attack: str) -> Future[Precomputed]:
        """A precomputed attack, which the first question for it begins."""
        key = classifier.id, attack
        if key not in self._precomputed:
            self._precomputed[key] = self._worker.submit(precompute, classifier, attack)
        return self._precomputed[key]

    def view(self, classifier: Classifier, target: str) -> Towards:
        """Return the two-class view of a classifier for a targeted attack.

        Raises:
            InputError: the classifier has no such class.
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


def _result(future: Future[Result]) -> Result:
    """Wait for a result; an error leaves behind the calls through which it was raised before.

    A traceback grows whenever its error is raised anew, and keeps the frames of all these calls.
    """
    error = future.exception()
    if error is not None:
        raise error.with_traceback(None)
    return future.result()


def _load(model: str) -> Classifier:
    """Load a classifier under the id asked for: a training run carries the shipped net's id."""
    classifier = zoo.load(model)
    if classifier.labels_only:
        raise InputError(
            f"{model} returns labels only, and the live demo shows probabilities. Choose a model "
            "or service with scores."
        )
    classifier.id = model
    side = classifier.face_side
    for size in WARM_SIZES:
        images, labels = np.zeros((size, side, side, 1), np.float32), np.zeros(size, np.int64)
        classifier.logits(images)
        if isinstance(classifier, DifferentiableClassifier):
            classifier.input_gradients(images, labels, Loss.SCALED_CROSS_ENTROPY)
    return classifier
