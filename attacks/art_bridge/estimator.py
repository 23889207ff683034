"""Our classifier as ART's. It imports ART, so nothing imports it before an attack runs."""

import warnings
from typing import Any

import numpy as np
from scipy.special import softmax

from attacks.art_bridge.spent import Spent
from fer_models.classifier import Classifier, DifferentiableClassifier
from fer_models.losses import Loss

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # ART warns about its parts that need PyTorch
    from art.estimators.classification.classifier import ClassGradientsMixin, ClassifierMixin
    from art.estimators.estimator import BaseEstimator, LossGradientsMixin, NeuralNetworkMixin


class Estimator(
    ClassGradientsMixin, ClassifierMixin, LossGradientsMixin, NeuralNetworkMixin, BaseEstimator
):
    """Our classifier as ART's; images outside [0, 1] are clipped first."""

    gives_probabilities = False
    climbs_towards_label = False

    def __init__(self, classifier: Classifier, shape: tuple[int, int, int], spent: Spent) -> None:
        super().__init__(model=None, clip_values=(0.0, 1.0), channels_first=False)
        self._clip_values = (0.0, 1.0)  # ART turned them into float32, which its patch refuses
        self.nb_classes = classifier.scheme.num_classes
        self.ours, self.spent, self._shape = classifier, spent, shape

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return self._shape

    def predict(self, x: np.ndarray, batch_size: int = 128, **_: Any) -> np.ndarray:
        """Logits float32 (N, K), or probabilities."""
        self.spent.forward += len(x)
        logits = self.ours.logits(_in_range(x))
        return softmax(logits, axis=1) if self.gives_probabilities else logits

    def loss_gradient(self, x: np.ndarray, y: np.ndarray, **_: Any) -> np.ndarray:
        """Gradient of the rescaled cross-entropy with the label; negated to climb towards it."""
        labels = y.argmax(axis=1) if y.ndim == 2 else y
        answer = self._differentiable().input_gradients(
            _in_range(x), labels, Loss.SCALED_CROSS_ENTROPY
        )
        gradient = answer.gradient
        self._count(gradient)
        return -gradient if self.climbs_towards_label else gradient

    def class_gradient(
        self, x: np.ndarray, label: int | np.ndarray | None = None, **_: Any
    ) -> np.ndarray:
        """Gradients of all logits float32 (N, K, H, W, C), or of one per image (N, 1, H, W, C)."""
        images, gradients = _in_range(x), []
        for k in range(self.nb_classes) if label is None else [label]:
            classes = np.broadcast_to(np.asarray(k, np.int64), len(x))
            gradients.append(self._differentiable().logit_gradients(images, classes))
            self._count(gradients[-1])
        return np.stack(gradients, axis=1)

    def fit(self, *_: Any, **__: Any) -> None:
        """Refuse: no attack here trains."""
        raise NotImplementedError

    def get_activations(self, *_: Any, **__: Any) -> np.ndarray:
        """Refuse: no attack here reads layers."""
        raise NotImplementedError

    def _differentiable(self) -> DifferentiableClassifier:
        assert isinstance(self.ours, DifferentiableClassifier)
        return self.ours

    def _count(self, gradient: np.ndarray) -> None:
        self.spent.forward += len(gradient)
        self.spent.backward += len(gradient)
        self.spent.zero_gradients += int((~gradient.any(axis=(1, 2, 3))).sum())


def _in_range(x: np.ndarray) -> np.ndarray:
    return np.clip(x, 0, 1).astype(np.float32)
