"""Tiny classifiers and images that the attack tests share."""

from collections.abc import Callable
from functools import cache

import keras
import numpy as np
from keras import ops

from datasets.labels import LabelScheme
from fer_models.classifier import Classifier
from fer_models.contract import Contract
from fer_models.gradients import SymbolicClassifier
from fer_models.keras_classifier import KerasClassifier, wrap

Shape = tuple[int, int, int]


def scheme(num_classes: int) -> LabelScheme:
    return LabelScheme("tiny", tuple(f"class{i}" for i in range(num_classes)))


def images(count: int, shape=(8, 8, 1), seed=0) -> np.ndarray:
    """Greys away from 0 and 1, so that small steps are never clipped."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.3, 0.7, (count, *shape)).astype(np.float32)


@cache
def linear(num_classes: int, shape: Shape = (8, 8, 1), scale=1.0) -> KerasClassifier:
    """logits = scale * (W (x - 0.5)), W normal."""
    pixels = keras.Input(shape)
    dense = keras.layers.Dense(num_classes)
    model = keras.Model(pixels, dense(keras.layers.Flatten()(pixels)))
    kernel = np.random.default_rng(num_classes).standard_normal(dense.kernel.shape) * scale
    dense.set_weights([kernel, -0.5 * kernel.sum(axis=0)])
    return wrap(model, Contract(*shape, scheme(num_classes)), model_id="linear")


@cache
def conv(num_classes: int, shape: Shape = (8, 8, 1), scale=1.0, seed=0) -> KerasClassifier:
    """A convolution, two dense layers, random weights; `scale` multiplies the logits."""
    keras.utils.set_random_seed(seed)
    pixels = keras.Input(shape)
    x = keras.layers.Rescaling(4.0, offset=-2.0)(pixels)
    x = keras.layers.Conv2D(8, 3, activation="relu", kernel_initializer="he_normal")(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(32, activation="relu", kernel_initializer="he_normal")(x)
    x = keras.layers.Dense(num_classes, kernel_initializer="he_normal")(x)
    model = keras.Model(pixels, keras.layers.Rescaling(scale)(x))
    return wrap(model, Contract(*shape, scheme(num_classes)), model_id="conv")


class FunctionClassifier(SymbolicClassifier):
    """A classifier whose logits are any function of a backend tensor."""

    def __init__(self, function: Callable, num_classes: int) -> None:
        self.id, self.weights_sha256 = "function", "none"
        self.scheme = scheme(num_classes)
        self._function = function

    def symbolic_logits(self, images):
        return self._function(images)


class Apart(FunctionClassifier):
    """A classifier that judges as one net does, and shows an attacker's draws another function."""

    draws_apart = True

    def __init__(self, judge: SymbolicClassifier, shown: Callable) -> None:
        super().__init__(shown, judge.scheme.num_classes)
        self.judge = judge

    def _batch_logits(self, images):
        return self.judge.logits(images)


def early(judge: SymbolicClassifier, lead: float) -> Apart:
    """An attacker's draws see class 1 lead by so much more than the net itself does."""

    def shown(pixels: keras.KerasTensor) -> keras.KerasTensor:
        ahead = lead * np.eye(judge.scheme.num_classes, dtype=np.float32)[1]
        return judge.symbolic_logits(pixels) + ahead

    return Apart(judge, shown)


def constant() -> FunctionClassifier:
    """Always class 1 of three."""
    return FunctionClassifier(
        lambda pixels: ops.zeros((ops.shape(pixels)[0], 3)) + np.array([0, 1, 0], np.float32), 3
    )


def not_a_number() -> FunctionClassifier:
    def logits(pixels):
        mean = ops.mean(pixels, axis=(1, 2, 3))[:, None]
        return ops.log(-mean) * np.ones((1, 3), np.float32)

    return FunctionClassifier(logits, 3)


def raising() -> FunctionClassifier:
    def logits(pixels):
        raise RuntimeError("this model is broken")

    return FunctionClassifier(logits, 3)


class BlackBox(Classifier):
    """A linear classifier in numpy: no gradients."""

    id, weights_sha256, scheme = "black_box", "none", scheme(3)

    def _batch_logits(self, images):
        kernel = np.random.default_rng(0).standard_normal((int(np.prod(images.shape[1:])), 3))
        return ((images.reshape(len(images), -1) - 0.5) @ kernel).astype(np.float32)


def quantised() -> FunctionClassifier:
    """A net that rounds its input: its gradients are zero."""
    inner = conv(7)
    return FunctionClassifier(lambda pixels: inner.symbolic_logits(ops.round(pixels * 64) / 64), 7)


def misleading() -> FunctionClassifier:
    """A net whose gradients are those of another: they point anywhere."""
    inner, other = conv(7), conv(7, seed=1)

    def logits(pixels: keras.KerasTensor) -> keras.KerasTensor:
        lie = other.symbolic_logits(pixels)
        return lie + ops.stop_gradient(inner.symbolic_logits(pixels) - lie)

    return FunctionClassifier(logits, 7)
