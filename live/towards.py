"""A two-class view of a classifier: a target class, and the best of all others.

An untargeted attack on the view, started from the latter, is a targeted attack on the classifier
inside, so every attack in `attacks` can be given a target.
"""

import keras
import numpy as np
from keras import ops

from datasets.labels import LabelScheme
from fer_models.classifier import Classifier
from fer_models.gradients import SymbolicClassifier
from fer_models.wrapped_classifier import WrappedClassifier

OTHER = 0
"""Class that the attack must change."""


class Towards(WrappedClassifier):
    """Logits (N, 2): the best other class, and the target."""

    def __init__(self, inner: Classifier, target: int) -> None:
        """Wrap a classifier.

        Args:
            inner: with K classes.
            target: in [0, K).
        """
        self.target = target
        super().__init__(inner)

    def _take_over(self, inner: Classifier) -> None:
        super()._take_over(inner)
        target = inner.scheme.classes[self.target]
        self.id, self.scheme = f"{inner.id}>{target}", LabelScheme("towards", ("other", target))

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        logits = self.inner.logits(images)
        others = np.delete(logits, self.target, axis=1).max(axis=1)
        return np.stack([others, logits[:, self.target]], axis=1)


class DifferentiableTowards(Towards, SymbolicClassifier):
    """The two-class view of a classifier with gradients."""

    inner: SymbolicClassifier

    def symbolic_logits(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Logits (N, 2): the best other class, and the target."""
        logits = self.inner.symbolic_logits(images)
        chosen = np.arange(self.inner.scheme.num_classes) == self.target
        others = ops.max(ops.where(chosen, -np.inf, logits), axis=1)
        return ops.stack([others, logits[:, self.target]], axis=1)


def towards(classifier: Classifier, target: int) -> Towards:
    """Make the two-class view; gradients pass when the classifier has gradients."""
    if isinstance(classifier, SymbolicClassifier):
        return DifferentiableTowards(classifier, target)
    return Towards(classifier, target)
