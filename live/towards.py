"""A two-class view of a classifier: a target class, and the best of all others.

An untargeted attack on the view, started from the latter, is a targeted attack on the classifier
inside, so every attack in `attacks` can be given a target.
"""

import keras
import numpy as np
from keras import ops

from datasets.labels import LabelScheme
from fer_models.classifier import Classifier
from fer_models.keras_wrapper import (
    DifferentiableKerasWrapper,
    KerasWrapper,
    SymbolicKerasWrapper,
    with_gradients,
)

OTHER = 0
"""Class that the attack must change."""


class Towards(KerasWrapper):
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

    def change_logits(self, logits: keras.KerasTensor) -> keras.KerasTensor:
        """Logits (N, 2): the best other class, and the target."""
        chosen = np.arange(self.inner.scheme.num_classes) == self.target
        others = ops.max(ops.where(chosen, -np.inf, logits), axis=1)
        return ops.stack([others, logits[:, self.target]], axis=1)


class DifferentiableTowards(Towards, DifferentiableKerasWrapper):
    """The two-class view of a classifier with gradients."""


class SymbolicTowards(Towards, SymbolicKerasWrapper):
    """The two-class view of a Keras model."""


def towards(classifier: Classifier, target: int) -> Towards:
    """Make the two-class view; gradients pass when the classifier has gradients."""
    kinds = Towards, DifferentiableTowards, SymbolicTowards
    found: Towards = with_gradients(classifier, *kinds)(classifier, target)
    return found
