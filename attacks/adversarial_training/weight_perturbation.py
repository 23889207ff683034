"""Adversarial weight perturbation: learn at weights that a step up the loss has moved.

Source: Wu, Xia & Wang 2020, "Adversarial weight perturbation helps robust generalization", arXiv
2004.05884, section 4, with one step.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
from keras.ops import convert_to_numpy


class WeightPerturbation:
    """Moves the kernels of a net for the time of one training step."""

    def __init__(self, model: keras.Model, size: float) -> None:
        """Copy the net, to take the gradients of its weights on any Keras backend.

        Args:
            model: compiled, with an optimizer.
            size: length of the step, as a share of the norm of each kernel.
        """
        self._model, self._size = model, size
        self._twin = keras.models.clone_model(model)
        self._twin.compile(keras.optimizers.SGD(1.0), loss=model.loss)

    @contextmanager
    def __call__(self, batch: tuple[np.ndarray, ...]) -> Iterator[None]:
        """Kernels moved up the loss of a batch; afterwards back by the same step.

        The optimizer's running average of the weights is that of the weights moved back.
        """
        own_and_twin = self._model.trainable_variables, self._twin.trainable_variables
        pairs = list(zip(*own_and_twin, strict=True))
        before = [convert_to_numpy(variable) for variable, _ in pairs]
        for own, other in zip(self._model.variables, self._twin.variables, strict=True):
            other.assign(own)
        self._twin.train_on_batch(*batch)
        steps = [
            self._step(weights, weights - convert_to_numpy(other))
            for weights, (_, other) in zip(before, pairs, strict=True)
        ]
        for (own, _), weights, step in zip(pairs, before, steps, strict=True):
            own.assign(weights + step)
        first = int(self._model.optimizer.iterations) == 0
        yield
        for (own, _), step in zip(pairs, steps, strict=True):
            own.assign(own - step)
        self._correct_average(steps, first)

    def _step(self, weights: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Biases, and scales and shifts of batch normalisation, stay where they are."""
        if weights.ndim < 2:
            return np.zeros_like(weights)
        scale = self._size * np.linalg.norm(weights) / (np.linalg.norm(gradient) + 1e-12)
        return (scale * gradient).astype(weights.dtype)

    def _correct_average(self, steps: list[np.ndarray], first: bool) -> None:
        optimizer = self._model.optimizer
        if not optimizer.use_ema:
            return
        share = 1.0 if first else 1 - optimizer.ema_momentum
        averages = optimizer._model_variables_moving_average
        for average, step in zip(averages, steps, strict=True):
            average.assign(average - share * step)
