"""The base of all classifiers that put something around another one.

A wrapper changes what the classifier sees or what it answers. Everything else is taken over here,
in one place: id, classes, identity, precision, random draws, size of faces and the exact version.
"""

from contextlib import AbstractContextManager
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Self

from fer_models.classifier import Classifier


class WrappedClassifier(Classifier):
    """A classifier around another; a subclass overrides `_take_over` for what it changes.

    Attributes:
        inner: the classifier inside.
    """

    inner: Classifier

    def __init__(self, inner: Classifier) -> None:
        """Wrap a classifier; a subclass sets its own settings first."""
        self._take_over(inner)

    def _take_over(self, inner: Classifier) -> None:
        """Set the attributes that depend on the classifier inside."""
        self.inner = inner
        self.id, self.scheme, self.weights_sha256 = inner.id, inner.scheme, inner.weights_sha256
        self.precision, self.draws_apart = inner.precision, inner.draws_apart
        self.face_side, self.labels_only = inner.face_side, inner.labels_only
        self.no_gradients = inner.no_gradients

    def asked_anew(self, draw: str = "", kept: bool = False) -> AbstractContextManager[None]:
        """Ask the classifier inside although it may have kept answers."""
        return self.inner.asked_anew(draw, kept)

    def drawn(self, number: int) -> AbstractContextManager[None]:
        """Draw for the classifier inside."""
        return self.inner.drawn(number)

    def with_draws(self, factor: int) -> Self:
        """The same wrapper, if the classifier inside has random draws, around one with more."""
        inner = self.inner.with_draws(factor)
        return self if inner is self.inner else self._around(inner)

    def release(self) -> None:
        """Free what the classifier inside can make again, too."""
        self.inner.release()
        super().release()

    def keep_answers(self, folder: Path) -> None:
        """Keep the answers of the classifier inside."""
        self.inner.keep_answers(folder)

    @cached_property
    def exact(self) -> Classifier:
        """The same wrapper around the exact version of the classifier inside."""
        inner = self.inner.exact
        return self if inner is self.inner else self._around(inner)

    def _around(self, inner: Classifier) -> Self:
        """The same wrapper around another classifier."""
        other = copy(self)
        vars(other).pop("exact", None)  # that of this one
        other._take_over(inner)
        other.id = self.id  # a name may have been given after wrapping
        return other


def innermost(classifier: Classifier) -> Classifier:
    """The classifier behind all wrappers, such as defences."""
    while isinstance(classifier, WrappedClassifier):
        classifier = classifier.inner
    return classifier
