"""R11 for Keras graphs that ask for training mode themselves, as Monte-Carlo dropout does.

Attacks and figures call a model with `training=False`, which switches such layers off. A model that
answers differently when it is simply called is measured, but not as a deployment may use it.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from evaluation.checks.rules import Check, check
from fer_models.classifier import Classifier
from fer_models.keras_classifier import KerasClassifier, fit_to_contract
from fer_models.wrapped_classifier import WrappedClassifier

FACES = 32
"""Number of faces on which the two modes are compared."""

SAME = 1e-4
"""Difference between the answers that rounding explains, as a share of the logits' range."""


def training_mode_checks(classifier: Classifier, images: np.ndarray) -> list[Check]:
    """Compare `model(x)` with `model(x, training=False)`, which is what is measured.

    Args:
        classifier: any model; only Keras nets are compared, also behind a defence.
        images: float32 (N, H, W, C) in [0, 1].

    Returns:
        One check for a Keras net, else none.
    """
    inner = classifier
    while isinstance(inner, WrappedClassifier):
        inner = inner.inner
    if not isinstance(inner, KerasClassifier):
        return []
    inputs = fit_to_contract(ops.convert_to_tensor(images[:FACES]), inner.contract)
    called = _called(inner.model, inputs)
    measured = np.asarray(inner.model(inputs, training=False), np.float32)
    ranges = measured.max(axis=1) - measured.min(axis=1)
    found = float(np.abs(called - measured).max() / max(np.median(ranges), 1e-30))
    other = found > SAME
    words = "model(x) and model(x, training=False) give the same answers."
    if other:
        words = (
            "The graph sets training=True inside, as Monte-Carlo dropout does: model(x) answers "
            "otherwise than model(x, training=False). It was measured with training=False, so "
            "without these layers; robust accuracy of the random model is not known."
        )
    return [check(classifier.id, "R11", "inference mode", other, found, SAME, words)]


def _called(model: keras.Model, inputs: Any) -> np.ndarray:
    """What the model answers when it is simply called; what that updates in it is undone."""
    before = [(v, ops.convert_to_numpy(v)) for v in model.variables if not v.trainable]
    answers = np.asarray(model(inputs), np.float32)
    for variable, value in before:
        variable.assign(value)
    return answers
