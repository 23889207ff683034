"""A classifier that knows two classes only: a target, and the best of all others.

An untargeted attack on it that starts from the second is a targeted attack on the classifier
inside, so every attack of the room `attacks` can be given a target.
"""

import keras
import numpy as np
from keras import ops

from datasets.labels import LabelScheme
from fer_models.classifier import Classifier, DifferentiableClassifier

OTHER = 0
"""Class to get away from."""


class Towards(Classifier):
    """Logits (N, 2): the best other class, and the target."""

    def __init__(self, inner: Classifier, target: int) -> None:
        """Wrap a classifier.

        Args:
            inner: with K classes.
            target: in [0, K).
        """
        self.inner, self.target = inner, target
        self.id = f"{inner.id}>{inner.scheme.classes[target]}"
        self.scheme = LabelScheme("towards", ("other", inner.scheme.classes[target]))
        self.weights_sha256, self.draws_apart = inner.weights_sha256, inner.draws_apart

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        logits = self.inner.logits(images)
        others = np.delete(logits, self.target, axis=1).max(axis=1)
        return np.stack([others, logits[:, self.target]], axis=1)


class DifferentiableTowards(Towards, DifferentiableClassifier):
    """The same around a differentiable classifier."""

    inner: DifferentiableClassifier

    def symbolic_logits(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """As `_batch_logits`, differentiable."""
        logits = self.inner.symbolic_logits(images)
        chosen = np.arange(self.scheme_size) == self.target
        others = ops.max(ops.where(chosen, -np.inf, logits), axis=1)
        return ops.stack([others, logits[:, self.target]], axis=1)

    @property
    def scheme_size(self) -> int:
        """K of the classifier inside."""
        return self.inner.scheme.num_classes


def towards(classifier: Classifier, target: int) -> Towards:
    """Make the two-class view; gradients pass when the classifier has gradients."""
    if isinstance(classifier, DifferentiableClassifier):
        return DifferentiableTowards(classifier, target)
    return Towards(classifier, target)
