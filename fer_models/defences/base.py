"""The base of all defences: wrapping, straight-through gradients, averaging over views.

A defence changes the image before the classifier sees it. A rounding step passes its gradient
straight through (BPDA), a random one is attacked in expectation over draws (EOT).
Source: Athalye, Carlini & Wagner 2018, "Obfuscated gradients give a false sense of security",
arXiv 1802.00420, sections 4.1 and 4.2.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Literal

import keras
import numpy as np
from keras import ops

from datasets.base.errors import InputError
from fer_models.classifier import BATCH_SIZE, Classifier
from fer_models.gradients import SIZES
from fer_models.keras_wrapper import (
    DifferentiableKerasWrapper,
    KerasWrapper,
    SymbolicKerasWrapper,
    with_gradients,
)

Purpose = Literal["evaluation", "attack"]
DRAWS: dict[Purpose, range] = {"evaluation": range(20), "attack": range(10**6, 10**6 + 8)}
"""Seeds of the draws averaged for a random defence's logits (R11) and its gradients: an attacker
does not know those of the evaluation."""


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

    def number_of_views(self, purpose: Purpose) -> int:
        """How many images the classifier sees in place of each; it averages over them."""
        return len(DRAWS[purpose]) if self.random else 1

    def views(self, images: keras.KerasTensor, purpose: Purpose) -> Iterator[keras.KerasTensor]:
        """What the classifier sees, one after the other; always the same for the same purpose.

        Args:
            images: float32 (N, H, W, C) in [0, 1].
            purpose: an attack's random draws are other ones than those of the logits.
        """
        for draw in DRAWS[purpose] if self.random else range(1):
            yield self(images, np.random.default_rng((2018, draw)))


def straight_through(x: keras.KerasTensor, changed: keras.KerasTensor) -> keras.KerasTensor:
    """The value of `changed` with the gradient of `x`."""
    return x + ops.stop_gradient(changed - x)


class DefendedClassifier(KerasWrapper):
    """A classifier that sees every image through a defence.

    With several views, such as the draws of a random defence, the logits are the log of their mean
    probability. Draws are a fixed set, so the same image always gets the same answer, whatever its
    batch.
    """

    def __init__(self, inner: Classifier, defence: Defence, suffix: str) -> None:
        self.defence, self._suffix = defence, suffix
        super().__init__(inner)

    def _take_over(self, inner: Classifier) -> None:
        super()._take_over(inner)
        self.id = f"{inner.id}+{self._suffix}"
        self.draws_apart = self.defence.random or inner.draws_apart
        counts = f"+{len(DRAWS['evaluation'])} judge {len(DRAWS['attack'])}"
        draws = counts if self.draws_apart else ""
        identity = f"{inner.weights_sha256}+{self.defence!r}{draws}"
        self.weights_sha256 = hashlib.sha256(identity.encode()).hexdigest()

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        total, count = None, self.defence.number_of_views("evaluation")
        for view in self.defence.views(ops.convert_to_tensor(images), "evaluation"):
            logits = self.inner._batch_logits(np.array(view))
            if count == 1:
                return logits
            with np.errstate(invalid="ignore"):  # NaN: `logits` refuses it in one line
                shares = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
                total = shares if total is None else np.logaddexp(total, shares)
        assert total is not None
        return (total - np.log(count)).astype(np.float32)

    def change_images(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Images as an attacker draws them, all N of a view together."""
        views = list(self.defence.views(images, "attack"))
        return views[0] if len(views) == 1 else ops.concatenate(views, axis=0)

    def change_logits(self, logits: keras.KerasTensor) -> keras.KerasTensor:
        """The log of the mean probability over the attacker's views; of one, its logits."""
        count = self.defence.number_of_views("attack")
        if count == 1:
            return logits
        views = ops.reshape(logits, (count, -1, self.scheme.num_classes))
        return ops.logsumexp(ops.log_softmax(views, axis=-1), axis=0) - np.log(count)


class DifferentiableDefendedClassifier(DefendedClassifier, DifferentiableKerasWrapper):
    """A defended classifier that gradient attacks work through: straight through, in expectation.

    Its gradients come from own draws.
    """


class SymbolicDefendedClassifier(DefendedClassifier, SymbolicKerasWrapper):
    """The same around a Keras model."""

    @property
    def images_per_call(self) -> int:
        """A large net sees no more views at once than it would images, or those of one image."""
        most, count = super().images_per_call, self.defence.number_of_views("attack")
        if most == BATCH_SIZE:
            return most
        return max(size for size in SIZES if size == 1 or size * count <= most)


def defend(inner: Classifier, defence: Defence, suffix: str) -> DefendedClassifier:
    """Put a defence before a classifier.

    Args:
        inner: any classifier; gradients pass when it has gradients.
        defence: transformation of its images.
        suffix: the defence as written in the id, such as `jpeg75`.

    Raises:
        InputError: a defence that averages scores before a model that has none.
    """
    if inner.labels_only and defence.number_of_views("evaluation") > 1:
        raise InputError(
            f"{inner.id}+{suffix}: {defence.name} averages scores over several views, and the "
            "model returns labels only. Choose a defence with one view, such as jpeg75."
        )
    kinds = DefendedClassifier, DifferentiableDefendedClassifier, SymbolicDefendedClassifier
    found: DefendedClassifier = with_gradients(inner, *kinds)(inner, defence, suffix)
    return found
