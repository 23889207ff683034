"""A net without a usable gradient, as a black box: else it would look robust.

Not here: ONNX models that cannot be translated (`fer_models/foreign/translated.py`).
"""

import sys

import numpy as np

from datasets.base.errors import words_of
from datasets.sample.faces import read_sample
from fer_models.classifier import Classifier, DifferentiableClassifier, ModelError
from fer_models.net_classifier import NetClassifier
from fer_models.wrapped_classifier import WrappedClassifier

FACES = 64
"""Faces on each of which the gradient has to be zero."""
NOT_FINITE = (
    "its gradient is NaN or infinite on {} of {} faces, as where a net takes the root of 0 or "
    "divides by it"
)
_BATCH = 8
"""Faces in a backward pass; the first pass nearly always decides."""


class WithoutGradients(WrappedClassifier):
    """The answers of a classifier, without its gradients."""

    def __init__(self, inner: Classifier, why: str) -> None:
        """Wrap a classifier, and say why in a line without a full stop."""
        super().__init__(inner)
        self.no_gradients = why

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return self.inner.logits(images)


def black_box_if_useless(
    classifier: NetClassifier, name: str, faces: np.ndarray | None
) -> NetClassifier | WithoutGradients:
    """The classifier; where its gradient is of no use a black box, and one line on standard error.

    Args:
        classifier: a net.
        name: path or `module:callable`.
        faces: uint8 (N, H, W, C); some of them are tried. The generated sample when None.
    """
    if faces is None:
        faces = read_sample().images
    if not (why := _lack(classifier, faces)):
        return classifier
    print(f"{name}: attacked as a black box, because {why}.", file=sys.stderr)
    return WithoutGradients(classifier, why)


def _lack(classifier: NetClassifier, faces: np.ndarray) -> str:
    """Why attacks cannot use a net's gradient, in a line without a full stop; empty if they can.

    Zero means: exactly, of every logit, in every pixel of every face.
    """
    rows = np.unique(np.linspace(0, len(faces) - 1, FACES).astype(int))
    passes = -(-len(rows) // _BATCH)
    for first in range(passes):
        images = faces[rows[first::passes]].astype(np.float32) / np.float32(255)
        try:
            gradient = _gradient(classifier, images)
        except ModelError:  # it fails without gradients, too
            raise
        except Exception as error:  # every framework, and the code of others, has its own kinds
            return f"its gradient fails: {words_of(error)}"
        finite = np.isfinite(gradient).all(axis=(1, 2, 3))
        if not finite.all():
            return NOT_FINITE.format((~finite).sum(), len(finite))
        if gradient.any():
            return ""
    return (
        f"its gradient is zero on each of {len(rows)} faces: it is quantised, rounds, or "
        f"{classifier.detached_by}"
    )


def _gradient(classifier: DifferentiableClassifier, images: np.ndarray) -> np.ndarray:
    """Gradient (n, H, W, C) of a mixture of all logits: zero only where that of each is.

    Of the n images alone whose logits are finite: whoever classifies the others is told of them.
    """
    logits, pull = classifier.pullback(images)
    gradient = pull(np.random.default_rng(0).standard_normal(logits.shape, np.float32))
    return gradient[np.isfinite(logits).all(axis=1)]
