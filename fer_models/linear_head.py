"""A linear function of a classifier's logits, as a classifier: reliability checks put it there."""

import numpy as np

from datasets.labels import LabelScheme
from fer_models.classifier import Classifier, DifferentiableClassifier, Pullback
from fer_models.wrapped_classifier import WrappedClassifier


class LinearHead(WrappedClassifier, DifferentiableClassifier):
    """Logits times weights plus bias; numpy, whatever framework the classifier inside has."""

    inner: DifferentiableClassifier

    def __init__(
        self,
        inner: DifferentiableClassifier,
        weights: np.ndarray,
        bias: np.ndarray | None = None,
        scheme: LabelScheme | None = None,
    ) -> None:
        """Put a head behind a classifier.

        Args:
            inner: with K classes.
            weights: (K, M).
            bias: (M,); 0 when None.
            scheme: of the M classes; that of the classifier when None.
        """
        self._weights = weights.astype(np.float32)
        self._bias = np.zeros(weights.shape[1], np.float32) if bias is None else bias
        self._bias = self._bias.astype(np.float32)
        self._scheme = scheme
        super().__init__(inner)

    def _take_over(self, inner: Classifier) -> None:
        super()._take_over(inner)
        self.scheme = self._scheme or inner.scheme

    def attacked_logits(self, images: np.ndarray) -> np.ndarray:
        """Logits float32 (N, M)."""
        return self._answer(self.inner.attacked_logits(images))

    def pullback(self, images: np.ndarray) -> Pullback:
        """See `DifferentiableClassifier.pullback`."""
        logits, pull = self.inner.pullback(images)
        return Pullback(self._answer(logits), lambda cotangent: pull(cotangent @ self._weights.T))

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return self._answer(self.inner._batch_logits(images))

    def _answer(self, logits: np.ndarray) -> np.ndarray:
        answer: np.ndarray = logits @ self._weights + self._bias
        return answer
