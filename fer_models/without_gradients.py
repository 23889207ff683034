"""A net without a usable gradient, as a black box: else it would look robust.

Not here: ONNX models that cannot be translated (`fer_models/foreign/translated.py`).
"""

import sys

import numpy as np

from datasets.sample.faces import read_sample
from fer_models.classifier import Classifier, DifferentiableClassifier
from fer_models.net_classifier import NetClassifier
from fer_models.wrapped_classifier import WrappedClassifier

FACES = 64
"""Faces on each of which the gradient has to be zero."""
_BATCH = 8
"""Faces in a backward pass; one of them nearly always decides."""


class WithoutGradients(WrappedClassifier):
    """The answers of a classifier, without its gradients."""

    def __init__(self, inner: Classifier, why: str) -> None:
        """Wrap a classifier, and say why in a line without a full stop."""
        super().__init__(inner)
        self.no_gradients = why

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return self.inner.logits(images)


def black_box_if_zero(
    classifier: NetClassifier, name: str, faces: np.ndarray | None
) -> NetClassifier | WithoutGradients:
    """The classifier; where its gradient is zero a black box, and one line on standard error.

    Args:
        classifier: a net.
        name: path or `module:callable`.
        faces: uint8 (N, H, W, C); some of them are tried. The generated sample when None.
    """
    if faces is None:
        faces = read_sample().images
    if not (why := lack_of_gradient(classifier, faces)):
        return classifier
    print(f"{name}: attacked as a black box, because {why}.", file=sys.stderr)
    return WithoutGradients(classifier, why)


def lack_of_gradient(classifier: NetClassifier, faces: np.ndarray) -> str:
    """Why attacks cannot use a net's gradient, in a line without a full stop; empty if they can.

    Zero means: exactly, of every logit, in every pixel of every face.

    Args:
        classifier: the net.
        faces: uint8 (N, H, W, C); some of them are tried.
    """
    rows = np.unique(np.linspace(0, len(faces) - 1, FACES).astype(int))
    images = faces[rows].astype(np.float32) / np.float32(255)
    if any(_moves(classifier, images[i : i + _BATCH]) for i in range(0, len(images), _BATCH)):
        return ""
    return (
        f"its gradient is zero on each of {len(images)} faces: it is quantised, rounds, or "
        f"{classifier.detached_by}"
    )


def _moves(classifier: DifferentiableClassifier, images: np.ndarray) -> bool:
    """Whether a logit of an image (N, H, W, C) has a gradient that is not zero."""
    classes = np.eye(classifier.scheme.num_classes, dtype=np.float32)
    _, pull = classifier.pullback(images)
    return any(pull(np.tile(one, (len(images), 1))).any() for one in classes)
