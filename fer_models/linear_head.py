"""A linear function of a classifier's logits, as a classifier: reliability checks put it there."""

import numpy as np

from fer_models.classifier import DifferentiableClassifier, Pullback
from fer_models.wrapped_classifier import WrappedClassifier

_LARGEST = np.finfo(np.float32).max


class LinearHead(WrappedClassifier, DifferentiableClassifier):
    """Logits times weights plus bias; numpy, whatever framework the classifier inside has."""

    inner: DifferentiableClassifier

    def __init__(
        self,
        inner: DifferentiableClassifier,
        weights: np.ndarray,
        bias: np.ndarray | None = None,
    ) -> None:
        """Put a head behind a classifier.

        Args:
            inner: with K classes.
            weights: (K, K).
            bias: (K,); 0 when None.
        """
        self._weights = weights.astype(np.float32)
        self._bias = np.zeros(weights.shape[1], np.float32) if bias is None else bias
        self._bias = self._bias.astype(np.float32)
        super().__init__(inner)

    def attacked_logits(self, images: np.ndarray) -> np.ndarray:
        """Logits float32 (N, K)."""
        return self._answer(self.inner.attacked_logits(images))

    def pullback(self, images: np.ndarray) -> Pullback:
        """See `DifferentiableClassifier.pullback`."""
        logits, pull = self.inner.pullback(images)
        return Pullback(self._answer(logits), lambda cotangent: pull(cotangent @ self._weights.T))

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return self._answer(self.inner._batch_logits(images))

    def _answer(self, logits: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):  # a class may be masked by the least number of float32
            answer = logits @ self._weights + self._bias
        clipped: np.ndarray = np.clip(answer, -_LARGEST, _LARGEST)
        return clipped
