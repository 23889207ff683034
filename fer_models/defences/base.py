"""The base of all defences: wrapping, straight-through gradients, averaging over draws.

A defence changes the image before the classifier sees it. A rounding step passes its gradient
straight through (BPDA), a random one is attacked in expectation over draws (EOT).
Source: Athalye, Carlini & Wagner 2018, "Obfuscated gradients give a false sense of security",
arXiv 1802.00420, sections 4.1 and 4.2.
"""

import hashlib
from abc import ABC, abstractmethod
from typing import ClassVar

import keras
import numpy as np
from keras import ops

from datasets.base.errors import InputError
from fer_models.classifier import Classifier
from fer_models.keras_wrapper import (
    DifferentiableKerasWrapper,
    KerasWrapper,
    SymbolicKerasWrapper,
    with_gradients,
)

EVALUATION_DRAWS = 20
"""Number of draws averaged for the logits of a randomised defence (R11)."""
ATTACK_DRAWS = 8
"""Number of draws averaged for its gradients; the evaluation's are others, unknown to attackers."""


class Defence(ABC):
    """A transformation of the image; subclasses are frozen dataclasses of its settings.

    Attributes:
        name: name in the table of `fer_models/defences/registry.py`.
        differentiable: True when the gradient is exact, False when it is passed straight through.
        random: whether it is random.
    """

    name: ClassVar[str]
    differentiable: ClassVar[bool]
    random: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, images: keras.KerasTensor, rng: np.random.Generator) -> keras.KerasTensor:
        """Transform images float32 (N, H, W, C) in [0, 1]; all N share a draw."""


def straight_through(x: keras.KerasTensor, changed: keras.KerasTensor) -> keras.KerasTensor:
    """The value of `changed` with the gradient of `x`."""
    return x + ops.stop_gradient(changed - x)


class DefendedClassifier(KerasWrapper):
    """A classifier that sees every image through a defence.

    The logits of a random defence are the log of the mean probability over a fixed set of draws, so
    the same image always gets the same answer, whatever its batch.
    """

    def __init__(self, inner: Classifier, defence: Defence, suffix: str) -> None:
        self.defence, self._suffix = defence, suffix
        super().__init__(inner)

    def _take_over(self, inner: Classifier) -> None:
        super()._take_over(inner)
        self.id = f"{inner.id}+{self._suffix}"
        self.draws_apart = self.defence.random or inner.draws_apart
        draws = f"+{EVALUATION_DRAWS} judge {ATTACK_DRAWS}" if self.draws_apart else ""
        identity = f"{inner.weights_sha256}+{self.defence!r}{draws}"
        self.weights_sha256 = hashlib.sha256(identity.encode()).hexdigest()

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        total = None
        for rng in self._draws("evaluation"):
            seen = np.array(self.defence(ops.convert_to_tensor(images), rng))
            logits = self.inner._batch_logits(seen)
            if not self.defence.random:
                return logits
            with np.errstate(invalid="ignore"):  # NaN: `logits` refuses it in one line
                shares = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
                total = shares if total is None else np.logaddexp(total, shares)
        assert total is not None
        return (total - np.log(EVALUATION_DRAWS)).astype(np.float32)

    def _draws(self, purpose: str) -> list[np.random.Generator]:
        """New generators, always the same for the same purpose."""
        if not self.defence.random:
            return [np.random.default_rng(0)]
        first, count = (0, EVALUATION_DRAWS) if purpose == "evaluation" else (10**6, ATTACK_DRAWS)
        return [np.random.default_rng((2018, first + i)) for i in range(count)]

    def change_images(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Images as an attacker draws them, all N of a draw together."""
        views = [self.defence(images, rng) for rng in self._draws("attack")]
        return views[0] if len(views) == 1 else ops.concatenate(views, axis=0)

    def change_logits(self, logits: keras.KerasTensor) -> keras.KerasTensor:
        """The log of the mean probability over the attacker's draws; one draw is passed on."""
        count = len(self._draws("attack"))
        if count == 1:
            return logits
        draws = ops.reshape(logits, (count, -1, self.scheme.num_classes))
        return ops.logsumexp(ops.log_softmax(draws, axis=-1), axis=0) - np.log(count)


class DifferentiableDefendedClassifier(DefendedClassifier, DifferentiableKerasWrapper):
    """A defended classifier that gradient attacks work through: straight through, in expectation.

    Its gradients come from own draws.
    """


class SymbolicDefendedClassifier(DefendedClassifier, SymbolicKerasWrapper):
    """The same around a Keras model."""


def defend(inner: Classifier, defence: Defence, suffix: str) -> DefendedClassifier:
    """Put a defence before a classifier.

    Args:
        inner: any classifier; gradients pass when it has gradients.
        defence: transformation of its images.
        suffix: the defence as written in the id, such as `jpeg75`.

    Raises:
        InputError: a random defence before a model without scores, over which it averages.
    """
    if inner.labels_only and defence.random:
        raise InputError(
            f"{inner.id}+{suffix}: a random defence averages scores over its draws, and the model "
            "returns labels only. Choose a defence without random draws, such as jpeg75."
        )
    kinds = DefendedClassifier, DifferentiableDefendedClassifier, SymbolicDefendedClassifier
    found: DefendedClassifier = with_gradients(inner, *kinds)(inner, defence, suffix)
    return found
