"""Classifiers with gradients in bfloat16: logits of the model itself, gradients of a rounded twin.

The twin is the Keras model built again in bfloat16, each batch normalisation folded into the layer
before it. What comes before the first weights and from the last weights on stays in float32: pixels
and logits would lose most by rounding. See docs/decisions/0007-bfloat16-attacks.md.
"""

from functools import partial
from pathlib import Path

import keras
import numpy as np

from datasets.base.errors import words_of
from datasets.base.percentages import in_percent
from fer_models.classifier import Classifier
from fer_models.gradients import SymbolicClassifier
from fer_models.identity import reduced_sha256
from fer_models.keras_classifier import KerasClassifier
from fer_models.wrapped_classifier import WrappedClassifier

CPU_INFO = Path("/proc/cpuinfo")
INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}
"""Flags of processors that multiply bfloat16; others emulate it, slower than float32."""
ROUNDED = "bfloat16"
"""What Keras calls the twin's arithmetic."""
FARTHEST = 0.1
"""A twin's logits may differ by this share of the largest |logit|; rounding alone brings 0.03."""
FOLDING = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.Dense,
)


class NoTwinError(Exception):
    """Why a classifier is attacked in float32, in words that follow its name."""


class ReducedPrecision(WrappedClassifier, SymbolicClassifier):
    """A classifier that answers in float32, and is differentiated in bfloat16.

    Its weights have an identity of their own, so its sets are never taken for those of float32.
    """

    inner: KerasClassifier

    def __init__(self, exact: KerasClassifier, twin: keras.Model) -> None:
        """Take the classifier, and its model in bfloat16."""
        super().__init__(exact)
        self.precision, self.weights_sha256 = ROUNDED, reduced_sha256(exact.weights_sha256)
        self._twin = KerasClassifier(twin, exact.contract, self.id, self.weights_sha256)
        self._twin.load_again_by(partial(_twin_of, exact))

    @property
    def exact(self) -> KerasClassifier:
        """The classifier in float32."""
        return self.inner

    def release(self) -> None:
        """Free what the twin can make again, too."""
        self._twin.release()
        super().release()

    @property
    def images_per_call(self) -> int:
        """As many as the model itself."""
        return self.inner.images_per_call

    def symbolic_logits(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Logits (N, K) of the twin, differentiable."""
        return self._twin.symbolic_logits(images)

    def reduced_logits(self, images: np.ndarray) -> np.ndarray:
        """Logits float32 (N, K) of the twin; see `Classifier.logits`."""
        return self._twin.logits(images)

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return self.inner._batch_logits(images)


def reduce_precision(classifier: Classifier) -> ReducedPrecision:
    """The classifier with a twin in bfloat16.

    Raises:
        NoTwinError: there is nothing to gain (no such instructions, or a GPU computes), this is
            not a flat Keras model, the twin's logits are not those of the model up to rounding, or
            the twin cannot be built; its text says which.
    """
    if not isinstance(classifier, KerasClassifier):
        raise NoTwinError("only a Keras model has a bfloat16 twin")
    if not has_bfloat16():
        raise NoTwinError("the processor has no bfloat16")
    try:
        reduced = ReducedPrecision(classifier, _twin_of(classifier))
        error = _largest_error(reduced)
    except NoTwinError:
        raise
    except Exception as cause:  # a model of any origin: its user is told, and float32 works
        raise NoTwinError(f"its bfloat16 twin cannot be built: {words_of(cause)}") from cause
    if not error <= FARTHEST:
        raise NoTwinError(f"logits of its bfloat16 twin differ by {in_percent(error)} %")
    return reduced


def has_bfloat16() -> bool:
    """Whether the processor has the instructions, if the system reports it (Linux on x86)."""
    if keras.distribution.list_devices("gpu") or not CPU_INFO.exists():
        return False
    lines = CPU_INFO.read_text().splitlines()
    return any(line.startswith("flags") and INSTRUCTIONS & set(line.split()) for line in lines)


def _largest_error(reduced: ReducedPrecision) -> float:
    """Largest difference of the twin's logits, as a share of the largest |logit|."""
    contract = reduced.exact.contract
    shape = (8, contract.height, contract.width, contract.channels)
    images = np.random.default_rng(0).random(shape, np.float32)
    exact, rounded = reduced.logits(images), reduced.reduced_logits(images)
    return float(np.abs(rounded - exact).max() / np.abs(exact).max())


def _twin_of(classifier: KerasClassifier) -> keras.Model:
    return _twin(classifier.loaded())


def _twin(model: keras.Model) -> keras.Model:
    """The model with the same weights in bfloat16.

    Raises:
        NoTwinError: a model inside the model.
    """
    flat = keras.Model(model.inputs[0], model.outputs[0])
    if any(isinstance(layer, keras.Model) for layer in flat.layers):
        raise NoTwinError("a model inside a model has no bfloat16 twin")
    folded = _folded(flat)
    widened = {before.name for before in folded.values()}
    weighted = [layer.name for layer in flat.layers if layer.weights]
    first, last = (_place(flat, name) for name in (weighted[0], weighted[-1]))

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if isinstance(layer, keras.layers.Layer):
            rounded = first <= _place(flat, layer.name) < last
            config["dtype"] = ROUNDED if rounded else "float32"
        if layer.name in widened:
            config["use_bias"] = True
        return layer.__class__.from_config(config)

    def call(layer: keras.layers.Layer, *inputs: keras.KerasTensor, **settings: object) -> object:
        return inputs[0] if layer.name in folded else layer(*inputs, **settings)

    twin = keras.models.clone_model(flat, clone_function=clone, call_function=call)
    for layer in flat.layers:
        if layer.weights and layer.name not in folded:
            after = next((bn for bn, before in folded.items() if before is layer), None)
            arrays = _fold(layer, flat.get_layer(after)) if after else layer.get_weights()
            twin.get_layer(layer.name).set_weights(arrays)
    return twin


def _place(model: keras.Model, name: str) -> int:
    return [layer.name for layer in model.layers].index(name)


def _folded(model: keras.Model) -> dict[str, keras.layers.Layer]:
    """Name of each batch normalisation that folds into the layer before it, and that layer."""
    used = [id(tensor) for layer in model.layers for tensor in keras.tree.flatten(layer.input)]
    made = {id(layer.output): layer for layer in model.layers if isinstance(layer, FOLDING)}
    return {
        layer.name: made[id(layer.input)]
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
        and layer.axis in (-1, len(layer.input.shape) - 1)
        and id(layer.input) in made
        and used.count(id(layer.input)) == 1
        and made[id(layer.input)].activation is keras.activations.linear
    }


def _fold(layer: keras.layers.Layer, norm: keras.layers.BatchNormalization) -> list[np.ndarray]:
    """Weights of the layer, a bias last, that answer like the layer and the normalisation."""
    arrays = layer.get_weights()
    bias = arrays.pop() if layer.use_bias else np.float32(0)
    mean, variance = np.asarray(norm.moving_mean), np.asarray(norm.moving_variance)
    scale = (np.asarray(norm.gamma) if norm.scale else 1) / np.sqrt(variance + norm.epsilon)
    kernel = arrays.pop()
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    wide = scale.reshape(kernel.shape[2:]) if depthwise else scale
    shift = (bias - mean) * scale + (np.asarray(norm.beta) if norm.center else 0)
    return [*arrays, kernel * wide, shift]
