"""R11 for nets that are not in inference mode as they are given.

Attacks and figures call a Keras model with `training=False` and a PyTorch module in evaluation
mode, which switches dropout off and lets batch normalisation use its stored averages. A net that
answers differently as it was given is measured, but not as a deployment may use it.
"""

import numpy as np

from datasets.image_source import ImageSource
from evaluation.checks.rules import Check, check
from fer_models.classifier import Classifier
from fer_models.loss_slopes import spans
from fer_models.net_classifier import NetClassifier
from fer_models.wrapped_classifier import innermost

FACES = 32
"""Number of faces on which the two modes are compared."""

SAME = 1e-4
"""Largest difference that rounding explains, as a share of the logits' range."""


def training_mode_checks(classifier: Classifier, images: ImageSource) -> list[Check]:
    """Compare what a net answers as it was given with what is measured.

    Args:
        classifier: any model; only nets of a framework are compared, also behind a defence.
        images: float32 (N, H, W, C) in [0, 1].

    Returns:
        One check for such a net, else none; none for one that answers at random in either mode.
    """
    inner = innermost(classifier)
    if not isinstance(inner, NetClassifier):
        return []
    called = inner.outputs_as_given(images[:FACES])
    measured, again = (inner.outputs(images[:FACES], inner.contract) for _ in range(2))
    scale = max(float(np.median(spans(measured))), 1e-30)
    if np.abs(again - measured).max() > SAME * scale:
        return []
    found = float(np.abs(called - measured).max()) / scale
    other = found > SAME
    words = "The model as given and in inference mode gives the same answers."
    if other:
        words = (
            "The model was given in training mode, wholly or in part (a PyTorch module "
            "without eval(), a Keras graph with training=True inside, as Monte-Carlo dropout has): "
            "it answers differently in inference mode. It was measured in inference mode; "
            "robust accuracy of the model as given is not known."
        )
    return [check(classifier.id, "R11", "inference mode", other, found, SAME, words)]
