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
    margin: max_{j != y} z_j - z_y, positive exactly where the image is misclassified.
        Source: Carlini & Wagner 2017, arXiv 1608.04644, section V.
    """

    CROSS_ENTROPY = "cross_entropy"
    MARGIN = "margin"


class Gradients(NamedTuple):
    """What one call gives: logits float32 (N, K), loss float32 (N,), gradient like the images."""

    logits: np.ndarray
    loss: np.ndarray
    gradient: np.ndarray


@cache
def compiled_logits(classifier: DifferentiableClassifier) -> Callable[[np.ndarray], np.ndarray]:
    """Compile the forward pass once a classifier; images (N, H, W, C) to logits (N, K)."""
    forward = tf.function(classifier.symbolic_logits, reduce_retracing=True)
    return lambda images: forward(tf.constant(images)).numpy()


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
    call = _compiled_gradients(classifier, loss)
    padded = np.zeros((size, *images.shape[1:]), np.float32)
    padded[:count] = images
    padded_labels = np.zeros(size, np.int64)
    padded_labels[:count] = labels
    logits, losses, gradient = call(tf.constant(padded), tf.constant(padded_labels))
    result = Gradients(
        logits.numpy()[:count], losses.numpy()[:count], gradient.numpy()[:count]
    )
    if not (np.isfinite(result.logits).all() and np.isfinite(result.gradient).all()):
        raise FloatingPointError(f"{classifier.id}: NaN or infinity in logits or input gradient")
    return result


def _padded_size(count: int) -> int:
    """A few fixed batch sizes, so that shrinking batches reuse compiled kernels."""
    return next((size for size in (8, 16, 32, 64, 96) if count <= size), max(count, BATCH_SIZE))


@cache
def _compiled_gradients(classifier: DifferentiableClassifier, loss: Loss) -> Callable:
    @tf.function(reduce_retracing=True)
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


def _margin(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    true = tf.one_hot(labels, logits.shape[-1], on_value=True, off_value=False, dtype=tf.bool)
    best_other = tf.reduce_max(tf.where(true, -np.inf, logits), axis=1)
    return best_other - tf.reduce_max(tf.where(true, logits, -np.inf), axis=1)


_LOSSES = {Loss.CROSS_ENTROPY: _cross_entropy, Loss.MARGIN: _margin}
