"""The gradients with which a sweep begins, computed once for every eps and every attack.

Most attacks begin at the clean image, with the same loss. So the first gradients of a sweep are
those of its next eps too, of the faces that are left, and of the next attack on the same faces.
"""

from collections import OrderedDict
from hashlib import blake2b

import numpy as np

from fer_models.classifier import (
    Classifier,
    DifferentiableClassifier,
    Gradients,
    LeadGradients,
    Pullback,
)
from fer_models.losses import Loss
from fer_models.wrapped_classifier import WrappedClassifier

_DIGEST = 16
"""Bytes of a hash; batches with equal ones are equal."""
MOST_BYTES = 64_000_000
"""Gradients that are remembered from one attack to the next, some 60 batches of 100 faces."""

_Rows = dict[bytes, Gradients]
"""Logits, loss and gradient of single images, by a hash of the image with its label."""


class FirstGradients(WrappedClassifier, DifferentiableClassifier):
    """A classifier that remembers the first gradients of each sweep.

    What it answers depends on the sweep alone, never on those before: of an earlier attack only
    whole batches are taken over, as last bits depend on the batch. Attacks count these passes as if
    they were made, so that their cost does not depend on what ran before.
    """

    inner: DifferentiableClassifier

    @property
    def exact(self) -> Classifier:
        """The exact version of the classifier inside; one of another precision has no memory."""
        exact = self.inner.exact
        return self if exact is self.inner else exact

    def begin(self) -> None:
        """Begin a sweep over one chunk of faces."""
        self._rows: dict[Loss, _Rows] = {}

    def _take_over(self, inner: Classifier) -> None:
        super()._take_over(inner)
        self._batches = OrderedDict[tuple[Loss, tuple[bytes, ...]], _Rows]()
        self.begin()

    def input_gradients(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        loss: Loss,
        targets: np.ndarray | None = None,
    ) -> Gradients:
        """See `DifferentiableClassifier.input_gradients`."""
        if targets is not None or not len(images):
            return self.inner.input_gradients(images, labels, loss, targets)
        if loss not in self._rows:
            self._rows[loss] = self._batch(images, labels, loss)
        known = _known(self._rows[loss], images, labels)
        if known is None:
            return self.inner.input_gradients(images, labels, loss)
        return Gradients(*map(np.stack, zip(*known, strict=True)))

    def _batch(self, images: np.ndarray, labels: np.ndarray, loss: Loss) -> _Rows:
        """The gradients of a batch, by name, those of an earlier attack if it had the same."""
        names = tuple(map(_name, images, labels))
        rows = self._batches.pop((loss, names), None)
        if rows is None:
            found = self.inner.input_gradients(images, labels, loss)
            parts = zip(*(part.copy() for part in found), strict=True)
            rows = {name: Gradients(*part) for name, part in zip(names, parts, strict=True)}
        self._batches[loss, names] = rows
        most = max(MOST_BYTES // images.nbytes, 1)
        while len(self._batches) > most:
            self._batches.popitem(last=False)
        return rows

    def attacked_logits(self, images: np.ndarray) -> np.ndarray:
        """See `DifferentiableClassifier.attacked_logits`."""
        return self.inner.attacked_logits(images)

    def pullback(self, images: np.ndarray) -> Pullback:
        """See `DifferentiableClassifier.pullback`."""
        return self.inner.pullback(images)

    def logit_gradients(self, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """See `DifferentiableClassifier.logit_gradients`."""
        return self.inner.logit_gradients(images, classes)

    def lead_gradients(
        self, images: np.ndarray, labels: np.ndarray, others: np.ndarray
    ) -> LeadGradients:
        """See `DifferentiableClassifier.lead_gradients`."""
        return self.inner.lead_gradients(images, labels, others)

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return self.inner._batch_logits(images)


def remembering(classifier: Classifier, before: Classifier | None = None) -> Classifier:
    """The classifier, with a memory of first gradients if it gives any and draws none.

    Args:
        classifier: to attack.
        before: the one that was attacked last; if it is the same, with what it remembers.
    """
    if isinstance(before, FirstGradients) and before.inner is classifier:
        return before
    known = isinstance(classifier, FirstGradients)
    if known or classifier.draws_apart or not isinstance(classifier, DifferentiableClassifier):
        return classifier
    return FirstGradients(classifier)


def begun(classifier: Classifier) -> Classifier:
    """The classifier at the beginning of a sweep over a chunk of faces."""
    found = remembering(classifier)
    if isinstance(found, FirstGradients):
        found.begin()
    return found


def _known(rows: _Rows, images: np.ndarray, labels: np.ndarray) -> list[Gradients] | None:
    """Those of all images; None as soon as one is unknown, mostly the first of a later step."""
    found = []
    for image, label in zip(images, labels, strict=True):
        row = rows.get(_name(image, label))
        if row is None:
            return None
        found.append(row)
    return found


def _name(image: np.ndarray, label: np.int64) -> bytes:
    words = f"{label} {image.shape} ".encode()
    return blake2b(words + image.tobytes(), digest_size=_DIGEST).digest()
