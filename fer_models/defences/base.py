"""The base of all defences: wrapping, straight-through gradients, averaging over views.

A defence changes the image before the classifier sees it. A rounding step passes its gradient
straight through (BPDA), a random one is attacked in expectation over draws (EOT).
Source: Athalye, Carlini & Wagner 2018, "Obfuscated gradients give a false sense of security",
arXiv 1802.00420, sections 4.1 and 4.2.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import ClassVar, Self

import keras
import numpy as np
from keras import ops

from datasets.base.errors import InputError
from fer_models.classifier import BATCH_SIZE, Classifier, Gradients, slices
from fer_models.gradients import SIZES
from fer_models.keras_wrapper import (
    DifferentiableKerasWrapper,
    KerasWrapper,
    SymbolicKerasWrapper,
    with_gradients,
)
from fer_models.losses import Loss

JUDGING = range(20)
"""Seeds of the draws that a random defence's logits average over, always the same (R11)."""
ATTACKING = range(10**6, 10**6 + 20)
"""Seeds of those that its gradients average over, and at each step of an attack others: an
attacker does not know the ones that judge."""
VIEWS = 10 * BATCH_SIZE
"""Most views that a small net sees at once."""


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

    def number_of_views(self, draws: range) -> int:
        """How many images the classifier sees in place of each; it averages over them."""
        return len(draws) if self.random else 1

    def views(self, images: keras.KerasTensor, draws: range) -> Iterator[keras.KerasTensor]:
        """What the classifier sees, one after the other; always the same for the same draws.

        Args:
            images: float32 (N, H, W, C) in [0, 1].
            draws: seeds of the random draws, of which only a random defence makes use.
        """
        for draw in draws if self.random else range(1):
            yield self(images, generator(draw))

    def attacked_views(
        self, images: keras.KerasTensor, draws: range, number: keras.KerasTensor
    ) -> Iterator[keras.KerasTensor]:
        """What an attacker draws: the views, of a random defence others for each number.

        A random defence writes it with Keras operations on the number, so that it is compiled once.

        Args:
            images: float32 (N, H, W, C) in [0, 1].
            draws: seeds.
            number: int32 (), at least 0, see `Classifier.drawn`.
        """
        return self.views(images, draws)


def generator(draw: int) -> np.random.Generator:
    """A new random generator for a seed."""
    return np.random.default_rng((2018, draw))


def straight_through(x: keras.KerasTensor, changed: keras.KerasTensor) -> keras.KerasTensor:
    """The value of `changed` with the gradient of `x`."""
    return x + ops.stop_gradient(changed - x)


class DefendedClassifier(KerasWrapper):
    """A classifier that sees every image through a defence.

    With several views, such as the draws of a random defence, the logits are the log of their mean
    probability. The draws that judge are a fixed set, so the same image always gets the same
    answer, whatever its batch.

    Attributes:
        defence: what changes the images.
        draws: seeds of a random defence's draws for gradients.
    """

    def __init__(self, inner: Classifier, defence: Defence, suffix: str) -> None:
        self.defence, self._suffix, self.draws = defence, suffix, ATTACKING
        self._number = keras.Variable(0, trainable=False, dtype="int32")
        super().__init__(inner)

    def _take_over(self, inner: Classifier) -> None:
        super()._take_over(inner)
        self.id = f"{inner.id}+{self._suffix}"
        self.draws_apart = self.defence.random or inner.draws_apart
        counts = f"+{len(JUDGING)} judge {len(self.draws)} of each step"
        draws = counts if self.draws_apart else ""
        identity = f"{inner.weights_sha256}+{self.defence!r}{draws}"
        self.weights_sha256 = hashlib.sha256(identity.encode()).hexdigest()

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        total, count = None, self.defence.number_of_views(JUDGING)
        for view in self.defence.views(ops.convert_to_tensor(images), JUDGING):
            logits = self.inner._batch_logits(np.array(view))
            if count == 1:
                return logits
            with np.errstate(invalid="ignore"):  # NaN: `logits` refuses it in one line
                shares = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
                total = shares if total is None else np.logaddexp(total, shares)
        assert total is not None
        return (total - np.log(count)).astype(np.float32)

    @contextmanager
    def drawn(self, number: int) -> Iterator[None]:
        """See `Classifier.drawn`."""
        before = int(self._number)
        with self.inner.drawn(number):
            self._number.assign(number)
            try:
                yield
            finally:
                self._number.assign(before)

    def with_draws(self, factor: int) -> Self:
        """See `Classifier.with_draws`."""
        if not self.defence.random:
            return super().with_draws(factor)
        more = copy(self)
        more.draws = range(self.draws.start, self.draws.start + factor * len(self.draws))
        return more._around(self.inner.with_draws(factor))

    def change_images(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Images as an attacker draws them, all N of a view together."""
        number = ops.convert_to_tensor(self._number)
        views = list(self.defence.attacked_views(images, self.draws, number))
        return views[0] if len(views) == 1 else ops.concatenate(views, axis=0)

    def change_logits(self, logits: keras.KerasTensor) -> keras.KerasTensor:
        """The log of the mean probability over the attacker's views; of one, its logits."""
        count = self.defence.number_of_views(self.draws)
        if count == 1:
            return logits
        views = ops.reshape(logits, (count, -1, self.scheme.num_classes))
        return ops.logsumexp(ops.log_softmax(views, axis=-1), axis=0) - np.log(count)


class DifferentiableDefendedClassifier(DefendedClassifier, DifferentiableKerasWrapper):
    """A defended classifier that gradient attacks work through: straight through, in expectation.

    Its gradients come from own draws.
    """

    @property
    def images_per_call(self) -> int:
        """Images of which a net, or a defence inside, sees all views at once."""
        inner, most = self.inner, BATCH_SIZE
        if isinstance(inner, DifferentiableDefendedClassifier):
            most = inner.images_per_call
        return _with_views(most, self.defence.number_of_views(self.draws))

    def input_gradients(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        loss: Loss,
        targets: np.ndarray | None = None,
    ) -> Gradients:
        """See `DifferentiableClassifier.input_gradients`; in parts, so that the views fit."""
        given, found = super().input_gradients, []
        for part in slices(len(images), self.images_per_call):
            towards = None if targets is None else targets[part]
            found.append(given(images[part], labels[part], loss, towards))
        return Gradients(*map(np.concatenate, zip(*found, strict=True)))


class SymbolicDefendedClassifier(DefendedClassifier, SymbolicKerasWrapper):
    """The same around a Keras model."""

    @property
    def images_per_call(self) -> int:
        """A large net sees no more views at once than it would images, or those of one image."""
        return _with_views(super().images_per_call, self.defence.number_of_views(self.draws))


def _with_views(most: int, count: int) -> int:
    """Images per call, for a classifier inside that takes `most` and sees `count` views of each."""
    views = VIEWS if most == BATCH_SIZE else most
    return max(size for size in SIZES if size == 1 or size * count <= views)


def defend(inner: Classifier, defence: Defence, suffix: str) -> DefendedClassifier:
    """Put a defence before a classifier.

    Args:
        inner: any classifier; gradients pass when it has gradients.
        defence: transformation of its images.
        suffix: the defence as written in the id, such as `jpeg75`.

    Raises:
        InputError: a defence that averages scores before a model that has none.
    """
    if inner.labels_only and defence.number_of_views(JUDGING) > 1:
        raise InputError(
            f"{inner.id}+{suffix}: {defence.name} averages scores over several views, and the "
            "model returns labels only. Choose a defence with one view, such as jpeg75."
        )
    kinds = DefendedClassifier, DifferentiableDefendedClassifier, SymbolicDefendedClassifier
    found: DefendedClassifier = with_gradients(inner, *kinds)(inner, defence, suffix)
    return found
