"""Wrappers whose changes of images and logits are Keras operations, around any classifier.

Such a wrapper is written once. Around a Keras model it is compiled together with the model; around
another model with gradients, its own derivatives and the model's pullback are chained.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from fer_models.classifier import Classifier, DifferentiableClassifier, Pullback
from fer_models.gradients import SymbolicClassifier, vector_jacobian
from fer_models.wrapped_classifier import WrappedClassifier


class KerasWrapper(WrappedClassifier):
    """A classifier that sees changed images, or whose logits are changed."""

    def change_images(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """What the classifier inside sees (M, h, w, c) for images (N, H, W, C) in [0, 1]."""
        return images

    def change_logits(self, logits: keras.KerasTensor) -> keras.KerasTensor:
        """The logits (N, K) for those (M, J) of the classifier inside."""
        return logits

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        seen = np.asarray(self.change_images(ops.convert_to_tensor(images)))
        logits = self.inner.logits(seen)
        return np.asarray(self.change_logits(ops.convert_to_tensor(logits)))


class DifferentiableKerasWrapper(KerasWrapper, DifferentiableClassifier):
    """Such a wrapper around a classifier with gradients of any framework."""

    inner: DifferentiableClassifier

    def attacked_logits(self, images: np.ndarray) -> np.ndarray:
        """Logits float32 (N, K)."""
        seen = np.asarray(self.change_images(ops.convert_to_tensor(images)))
        logits = self.inner.attacked_logits(seen)
        return np.asarray(self.change_logits(ops.convert_to_tensor(logits)))

    def pullback(self, images: np.ndarray) -> Pullback:
        """See `DifferentiableClassifier.pullback`."""
        seen, to_images = vector_jacobian(self.change_images, images)
        logits, to_seen = self.inner.pullback(seen)
        answer, to_logits = vector_jacobian(self.change_logits, logits)
        return Pullback(answer, lambda cotangent: to_images(to_seen(to_logits(cotangent))))


class SymbolicKerasWrapper(KerasWrapper, SymbolicClassifier):
    """Such a wrapper around a Keras model."""

    inner: SymbolicClassifier

    @property
    def images_per_call(self) -> int:
        """As many as the model inside."""
        return self.inner.images_per_call

    def symbolic_logits(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Logits (N, K), differentiable."""
        return self.change_logits(self.inner.symbolic_logits(self.change_images(images)))


def with_gradients(
    inner: Classifier,
    plain: type[KerasWrapper],
    differentiable: type[DifferentiableKerasWrapper],
    symbolic: type[SymbolicKerasWrapper],
) -> Any:
    """Choose the wrapper class that offers every gradient that the wrapped classifier has."""
    if isinstance(inner, SymbolicClassifier):
        return symbolic
    return differentiable if isinstance(inner, DifferentiableClassifier) else plain
