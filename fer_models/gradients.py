"""The one file that knows backends: compiled logits and (logits, loss, input gradient).

Attacks and evaluation run on TensorFlow; training elsewhere needs none of this.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import cache
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fer_models.classifier import BATCH_SIZE, DifferentiableClassifier


class Loss(StrEnum):
    """Losses that attacks increase. Each is per image and needs no other image.

    cross_entropy: -log softmax(z)_y, computed in float32 from logits.
    scaled_cross_entropy: cross-entropy of 8 z / (max z - min z), the range held constant, so
        confident logits neither underflow to a zero gradient nor hide one (R10).
    margin: max_{j != y} z_j - z_y, positive exactly where the image is misclassified.
        Source: Carlini & Wagner 2017, arXiv 1608.04644, section V.
    """

    CROSS_ENTROPY = "cross_entropy"
    SCALED_CROSS_ENTROPY = "scaled_cross_entropy"
    MARGIN = "margin"


class Gradients(NamedTuple):
    """What one call gives: logits float32 (N, K), loss float32 (N,), gradient like the images."""

    logits: np.ndarray
    loss: np.ndarray
    gradient: np.ndarray


def forward_logits(classifier: DifferentiableClassifier, images: np.ndarray) -> np.ndarray:
    """Compiled forward pass: images float32 (N, H, W, C) in [0, 1] to logits float32 (N, K)."""
    return _compiled_forward(classifier, images.shape[1:])(tf.constant(images)).numpy()


def input_gradients(
    classifier: DifferentiableClassifier, images: np.ndarray, labels: np.ndarray, loss: Loss
) -> Gradients:
    """Logits, loss and its gradient with respect to the pixels.

    Args:
        classifier: differentiable classifier with K classes.
        images: float32 (N, H, W, C) in [0, 1].
        labels: int64 (N,) in [0, K).
        loss: what the gradient increases.

    Raises:
        FloatingPointError: logits or gradient are NaN or infinite (never read as zero, R9).
    """
    count, size = len(images), _padded_size(len(images))
    call = _compiled_gradients(classifier, loss, images.shape[1:])
    padded = np.zeros((size, *images.shape[1:]), np.float32)
    padded[:count] = images
    padded_labels = np.zeros(size, np.int64)
    padded_labels[:count] = labels
    logits, losses, gradient = call(tf.constant(padded), tf.constant(padded_labels))
    result = Gradients(logits.numpy()[:count], losses.numpy()[:count], gradient.numpy()[:count])
    if not (np.isfinite(result.logits).all() and np.isfinite(result.gradient).all()):
        raise FloatingPointError(f"{classifier.id}: NaN or infinity in logits or input gradient")
    return result


def _padded_size(count: int) -> int:
    """A few fixed batch sizes, so that shrinking batches reuse compiled kernels."""
    return next((size for size in (8, 16, 32, 64, 96) if count <= size), max(count, BATCH_SIZE))


@cache
def _compiled_forward(classifier: DifferentiableClassifier, shape: tuple[int, ...]) -> Callable:
    signature = [tf.TensorSpec((None, *shape), tf.float32)]
    return tf.function(classifier.symbolic_logits, input_signature=signature, autograph=False)


@cache
def _compiled_gradients(
    classifier: DifferentiableClassifier, loss: Loss, shape: tuple[int, ...]
) -> Callable:
    signature = [tf.TensorSpec((None, *shape), tf.float32), tf.TensorSpec((None,), tf.int64)]

    @tf.function(input_signature=signature, autograph=False)
    def gradients(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = classifier.symbolic_logits(images)
            losses = _LOSSES[loss](logits, labels)
        zero = tf.UnconnectedGradients.ZERO  # a constant model: counted as zero gradients
        return logits, losses, tape.gradient(losses, images, unconnected_gradients=zero)

    return gradients


def _cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


def _scaled_cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    span = tf.reduce_max(logits, axis=1) - tf.reduce_min(logits, axis=1)
    scale = tf.stop_gradient(_LOGIT_SPAN / tf.maximum(span, 1e-30))
    return _cross_entropy(logits * scale[:, None], labels)


def _margin(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    true = tf.one_hot(labels, logits.shape[-1], on_value=True, off_value=False, dtype=tf.bool)
    best_other = tf.reduce_max(tf.where(true, -np.inf, logits), axis=1)
    return best_other - tf.reduce_max(tf.where(true, logits, -np.inf), axis=1)


_LOGIT_SPAN = 8.0
_LOSSES = {
    Loss.CROSS_ENTROPY: _cross_entropy,
    Loss.SCALED_CROSS_ENTROPY: _scaled_cross_entropy,
    Loss.MARGIN: _margin,
}
