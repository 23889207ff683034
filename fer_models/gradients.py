"""TensorFlow's way to a differentiable classifier.

A subclass of `SymbolicClassifier` writes its logits in Keras operations; here they are compiled and
differentiated. Only this file and `fer_models/training/fused_normalization.py` know a backend; a
training on another backend uses neither.
"""

from abc import abstractmethod
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fer_models.backend import require_tensorflow
from fer_models.classifier import (
    BATCH_SIZE,
    DifferentiableClassifier,
    Gradients,
    LeadGradients,
    Pullback,
    check_finite,
    slices,
)
from fer_models.loss_slopes import DLR_CLASSES, LOGIT_SPAN, MASK, MASK_RATIO, REACH, check_targets
from fer_models.losses import Loss
from fer_models.net_classifier import LayerGradients, NetClassifier

tf.config.experimental.enable_tensor_float_32_execution(False)
"""A GPU would round float32 to 10 bits; which images break depends on the fifth digit."""

SIZES = (1, 2, 4, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 90, 100, BATCH_SIZE)
"""Batch sizes of compiled calls: few, so that shrinking batches reuse kernels, and close enough
that little is padded. Attacks work on 100 images at once. The logits of an image may differ in
their last bits from one size to another."""
_ZERO = tf.UnconnectedGradients.ZERO  # of a constant model: counted as zero gradients
COMPILED = "_compiled_calls"
"""Attribute in which a classifier keeps its compiled calls."""


class SymbolicClassifier(DifferentiableClassifier):
    """A classifier whose logits are Keras operations on its images."""

    @abstractmethod
    def symbolic_logits(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Logits (N, K) of a backend tensor (N, H, W, C) in [0, 1], differentiable."""

    @property
    def images_per_call(self) -> int:
        """Images that a compiled call takes at once; of more, parts are computed in turn.

        What TensorFlow has once taken for a call it keeps for all others.
        """
        return BATCH_SIZE

    def attacked_logits(self, images: np.ndarray) -> np.ndarray:
        """Logits float32 (N, K) of `symbolic_logits`, compiled."""
        (logits,) = self._in_parts(_compiled_forward(self, images.shape[1:]), images)
        return logits

    def pullback(self, images: np.ndarray) -> Pullback:
        """See `DifferentiableClassifier.pullback`; each `pull` runs the net forward once more."""
        return Pullback(self.attacked_logits(images), partial(self._pull, images))

    def _pull(self, images: np.ndarray, cotangent: np.ndarray) -> np.ndarray:
        call = _compiled_pull(self, images.shape[1:])
        (gradient,) = self._in_parts(call, images, cotangent.astype(np.float32))
        return gradient

    def input_gradients(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        loss: Loss,
        targets: np.ndarray | None = None,
    ) -> Gradients:
        """See `DifferentiableClassifier.input_gradients`."""
        check_targets(loss, targets)
        call = _compiled_gradients(self, loss, images.shape[1:], targets is not None)
        classes = (labels, np.zeros_like(labels) if targets is None else targets)
        result = Gradients(*self._in_parts(call, images, *classes))
        check_finite(self.id, "logits or input gradient", result.logits, result.gradient)
        return result

    def logit_gradients(self, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """See `DifferentiableClassifier.logit_gradients`."""
        gradient = self._pull(images, np.eye(self.scheme.num_classes)[classes])
        check_finite(self.id, "a logit's gradient", gradient)
        return gradient

    def lead_gradients(
        self, images: np.ndarray, labels: np.ndarray, others: np.ndarray
    ) -> LeadGradients:
        """See `DifferentiableClassifier.lead_gradients`."""
        call = _compiled_lead_gradients(self, images.shape[1:], others.shape[1])
        found = LeadGradients(*self._in_parts(call, images, labels, others))
        check_finite(self.id, "logits or gradients", *found)
        return found

    def _in_parts(self, call: Callable, *rows: np.ndarray) -> list[np.ndarray]:
        """What a compiled call answers to rows, `images_per_call` at once; each padded.

        Args:
            call: of tensors with as many rows each; returns one or several of them.
            rows: float32 or int64 (N, ...).
        """
        answers: list[list[np.ndarray]] = []
        for part in slices(len(rows[0]), self.images_per_call):
            here = [each[part] for each in rows]
            found = call(*(tf.constant(_pad(each)) for each in here))
            found = found if isinstance(found, tuple) else (found,)
            answers.append([answer.numpy()[: len(here[0])] for answer in found])
        return [each[0] if len(each) == 1 else np.concatenate(each) for each in zip(*answers)]

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return self.attacked_logits(images)

    def release(self) -> None:
        """Free the compiled calls."""
        self.__dict__.pop(COMPILED, None)
        super().release()

    def __getstate__(self) -> dict[str, Any]:
        """Without the compiled calls, so that a copy compiles its own."""
        return {name: value for name, value in self.__dict__.items() if name != COMPILED}


class LayeredClassifier(SymbolicClassifier, NetClassifier):
    """A symbolic classifier whose layers have names."""

    @abstractmethod
    def model_inputs(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """What the model inside is fed for images (N, H, W, C) in [0, 1]."""

    @abstractmethod
    def symbolic_layer(
        self, inputs: keras.KerasTensor, layer: str
    ) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """Activations (N, h, w, F) of a layer and logits (N, K) for `model_inputs`."""

    def layer_gradients(
        self, images: np.ndarray, classes: np.ndarray, layer: str
    ) -> LayerGradients:
        """See `NetClassifier.layer_gradients`."""
        answers = []
        for part in slices(len(images), self.images_per_call):
            inputs = self.model_inputs(tf.constant(images[part]))
            call = _compiled_layer_gradients(self, layer, tuple(inputs.shape[1:]))
            answers.append([answer.numpy() for answer in call(inputs, classes[part])])
        return LayerGradients(*(np.concatenate(each) for each in zip(*answers)))


def vector_jacobian(
    change: Callable[[keras.KerasTensor], keras.KerasTensor], values: np.ndarray
) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """The value of Keras operations, and their vector-Jacobian product.

    Args:
        change: of a backend tensor.
        values: float32, what is changed.

    Returns:
        The changed values, float32; and from a derivative by these to the one by `values`.
    """
    require_tensorflow()
    given = tf.constant(values)
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(given)
        changed = change(given)

    def pull(cotangent: np.ndarray) -> np.ndarray:
        upstream = tf.constant(cotangent, tf.float32)
        found = tape.gradient(changed, given, upstream, unconnected_gradients=_ZERO)
        gradient: np.ndarray = found.numpy()
        return gradient

    return changed.numpy(), pull


def _pad(rows: np.ndarray) -> np.ndarray:
    """Zeros behind the rows, up to the next of `SIZES`; float32 of floats, else int64."""
    size = next((size for size in SIZES if len(rows) <= size), len(rows))
    dtype = np.float32 if rows.dtype.kind == "f" else np.int64
    padded = np.zeros((size, *rows.shape[1:]), dtype)
    padded[: len(rows)] = rows
    return padded


def _compiled(signature: list[tf.TensorSpec]) -> Callable[[Callable], Callable]:
    """Decorator: one graph for all batch sizes.

    TensorFlow counts traces by code and would warn of retracing at the fifth classifier; a partial
    is counted by itself.
    """
    return lambda call: tf.function(partial(call), input_signature=signature, autograph=False)


def _kept(build: Callable[..., Callable]) -> Callable[..., Callable]:
    """Decorator: what is compiled for a classifier is kept by it, and goes when it goes."""

    @wraps(build)
    def kept(classifier: SymbolicClassifier, *settings: Any) -> Callable:
        calls = classifier.__dict__.setdefault(COMPILED, {})
        key = (build.__name__, *settings)
        if key not in calls:
            require_tensorflow()
            calls[key] = build(classifier, *settings)
        return calls[key]

    return kept


@_kept
def _compiled_forward(classifier: SymbolicClassifier, shape: tuple[int, ...]) -> Callable:
    signature = [tf.TensorSpec((None, *shape), tf.float32)]
    return _compiled(signature)(classifier.symbolic_logits)


@_kept
def _compiled_gradients(
    classifier: SymbolicClassifier, loss: Loss, shape: tuple[int, ...], targeted: bool
) -> Callable:
    classes = tf.TensorSpec((None,), tf.int64)
    signature = [tf.TensorSpec((None, *shape), tf.float32), classes, classes]

    @_compiled(signature)
    def gradients(
        images: tf.Tensor, labels: tf.Tensor, targets: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = classifier.symbolic_logits(images)
            if targeted:
                losses = _TARGETED_LOSSES[loss](logits, labels, targets)
            else:
                losses = _LOSSES[loss](logits, labels)
        return logits, losses, tape.gradient(losses, images, unconnected_gradients=_ZERO)

    return gradients


@_kept
def _compiled_pull(classifier: SymbolicClassifier, shape: tuple[int, ...]) -> Callable:
    cotangents = tf.TensorSpec((None, classifier.scheme.num_classes), tf.float32)

    @_compiled([tf.TensorSpec((None, *shape), tf.float32), cotangents])
    def pull(images: tf.Tensor, cotangent: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = classifier.symbolic_logits(images)
        return tape.gradient(logits, images, cotangent, unconnected_gradients=_ZERO)

    return pull


@_kept
def _compiled_lead_gradients(
    classifier: SymbolicClassifier, shape: tuple[int, ...], count: int
) -> Callable:
    """One pass forward for the gradients of all `count` classes."""
    classes = tf.TensorSpec((None,), tf.int64), tf.TensorSpec((None, count), tf.int64)

    @_compiled([tf.TensorSpec((None, *shape), tf.float32), *classes])
    def gradients(
        images: tf.Tensor, labels: tf.Tensor, others: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(images)
            logits = classifier.symbolic_logits(images)
            leads = [_targeted_margin(logits, labels, others[:, m]) for m in range(count)]
        found = [tape.gradient(lead, images, unconnected_gradients=_ZERO) for lead in leads]
        return logits, tf.stack(found, axis=1)

    return gradients


@_kept
def _compiled_layer_gradients(
    classifier: LayeredClassifier, layer: str, shape: tuple[int, ...]
) -> Callable:
    """Compiled, so that unused gradients of the kernels are not computed."""
    signature = [tf.TensorSpec((None, *shape), tf.float32), tf.TensorSpec((None,), tf.int64)]

    @_compiled(signature)
    def gradients(inputs: tf.Tensor, classes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            activations, logits = classifier.symbolic_layer(inputs, layer)
            logit = tf.gather(logits, classes, batch_dims=1)
        return activations, tape.gradient(logit, activations)

    return gradients


def _cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


def _ordered(logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Logits (N, K), the largest first, and how many are not masked, int32 (N,)."""
    ordered = tf.math.top_k(logits, logits.shape[-1]).values
    below = ordered[:, :1] - ordered
    masked = below[:, 2:] > tf.maximum(MASK_RATIO * below[:, 1:-1], MASK)
    return ordered, 2 + tf.reduce_sum(tf.math.cumprod(1 - tf.cast(masked, tf.int32), 1), 1)


def _scaled_cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    ordered, count = _ordered(logits)
    places = count - 1, (count - 1) // 2, count // 2
    lowest, *middles = (tf.gather(ordered, place, batch_dims=1) for place in places)
    span, middle = ordered[:, 0] - lowest, ordered[:, 0] - sum(middles) / 2
    far = (count >= DLR_CLASSES) & (middle > 0) & (span > REACH * middle)
    span = tf.where(far, REACH * middle, span)
    scale = tf.where(count == 2, tf.zeros_like(span), LOGIT_SPAN / tf.maximum(span, 1e-30))
    entropy = _cross_entropy(logits * tf.stop_gradient(scale)[:, None], labels)
    return tf.where(count == 2, _margin(logits, labels), entropy)


def _margin(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    true = tf.one_hot(labels, logits.shape[-1], on_value=True, off_value=False, dtype=tf.bool)
    best_other = tf.reduce_max(tf.where(true, -np.inf, logits), axis=1)
    return best_other - tf.reduce_max(tf.where(true, logits, -np.inf), axis=1)


def _targeted_margin(logits: tf.Tensor, labels: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    return tf.gather(logits, targets, batch_dims=1) - tf.gather(logits, labels, batch_dims=1)


def _dlr(logits: tf.Tensor, labels: tf.Tensor, targets: tf.Tensor | None = None) -> tf.Tensor:
    if targets is None:
        margin = _margin(logits, labels)
    else:
        margin = _targeted_margin(logits, labels, targets)
    if logits.shape[-1] < DLR_CLASSES:
        return margin
    top, count = _ordered(logits)
    low = top[:, 2] if targets is None else (top[:, 2] + top[:, 3]) / 2
    width = tf.maximum(top[:, 0] - low, 1e-30)
    return margin / tf.where(count < DLR_CLASSES, tf.ones_like(width), width)


_LOSSES = {
    Loss.CROSS_ENTROPY: _cross_entropy,
    Loss.SCALED_CROSS_ENTROPY: _scaled_cross_entropy,
    Loss.MARGIN: _margin,
    Loss.DLR: _dlr,
}
_TARGETED_LOSSES = {Loss.MARGIN: _targeted_margin, Loss.DLR: _dlr}
