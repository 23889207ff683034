"""Transfer: images made on one or several surrogates to fool a model that gives no gradients."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.ndimage import gaussian_filter

from attacks.base import Cost, Keys
from attacks.gradient_attack import GradientAttack, steepest_step, zero_gradients
from attacks.input_diversity import DRAWS, Views
from attacks.threat_model import project
from attacks.transfer_images import TransferImages, names_of
from datasets.base.errors import InputError
from datasets.labels import NO_LABEL, translate
from fer_models.classifier import Classifier, DifferentiableClassifier
from fer_models.wrapped_classifier import WrappedClassifier

MOST_BLUR = 100
"""Largest `blur`, pixels: a kernel grows with its blur, and this is more than two faces wide."""


class TransferTarget(WrappedClassifier):
    """A classifier attacked through surrogates: they supply the gradients, it supplies the logits.

    Args:
        target: the model to fool.
        sources: the surrogates; their classes are those of the target, or FER and FER+.
        kept: images that the same surrogates made for other targets, to which new ones are added;
            None to store none.

    Raises:
        ValueError: no sources.
    """

    def __init__(
        self,
        target: Classifier,
        sources: Sequence[DifferentiableClassifier],
        kept: TransferImages | None = None,
    ) -> None:
        if not sources:
            raise ValueError("`sources` must name at least one classifier. Received: none")
        self.sources, self.kept = tuple(sources), kept
        super().__init__(target)

    def _take_over(self, inner: Classifier) -> None:
        super()._take_over(inner)
        hashes = [part.weights_sha256 for part in (inner, *self.sources)]
        self.weights_sha256 = hashlib.sha256(" ".join(hashes).encode()).hexdigest()

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return self.inner._batch_logits(images)


def made_on(classifier: Classifier) -> str:
    """Ids of the models whose gradients an attack on this one follows, joined by commas."""
    if isinstance(classifier, TransferTarget):
        return ",".join(source.id for source in classifier.sources)
    return classifier.id


@dataclass(frozen=True, kw_only=True)
class Transfer(GradientAttack):
    """Momentum, diverse inputs and blurred gradients of an ensemble, to fool other nets too.

    The mean of the sources' losses is maximised, each gradient divided by its mean size, so that
    all sources have the same weight whatever the scale of their logits; losses and not logits,
    because sources may have other classes. No step queries the target and none stops early: images
    that have just crossed the boundary of a source seldom fool another net. Without sources (see
    `TransferTarget`) the model itself is the source.

    Source: momentum: Dong et al. 2018, "Boosting adversarial attacks with momentum", arXiv
    1710.06081; diverse inputs: Xie et al. 2019, "Improving transferability of adversarial examples
    with input diversity", arXiv 1803.06978; translation by blurred gradients: Dong et al. 2019,
    "Evading defenses to transferable adversarial examples by translation-invariant attacks", arXiv
    1904.02884.

    Attributes:
        steps: gradient steps on each source.
        step_size: size of a step, as a multiple of eps / steps.
        momentum: share of the accumulated gradient that is kept.
        diversity: share of the views that are shrunk and shifted.
        blur: standard deviation of the gradient's blur, in pixels. None by default: at 48 pixels it
            makes attacks on nets weaker by more than it helps elsewhere (docs/threat-models.md).
    """

    steps: int = 10
    step_size: float = 2.0
    momentum: float = 1.0
    diversity: float = 0.7
    blur: float = 0.0

    name: ClassVar[str] = "transfer"
    title: ClassVar[str] = "transfer"
    words: ClassVar[str] = (
        "made on other models (surrogates), with momentum and on shifted and resized copies so "
        "that it transfers"
    )
    reduced_precision: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_at_least_one("steps")
        if not self.step_size > 0:
            raise InputError(f"`step_size` must be more than 0; got {self.step_size}.")
        for option in ("momentum", "diversity"):
            if not 0 <= getattr(self, option) <= 1:
                raise InputError(f"`{option}` must be in [0, 1]; got {getattr(self, option)}.")
        if not 0 <= self.blur <= MOST_BLUR:
            raise InputError(f"`blur` must be in [0, {MOST_BLUR}] pixels; got {self.blur}.")

    @classmethod
    def lacks(cls, classifier: Classifier) -> str:
        """Return nothing for a black box that has surrogates."""
        return "" if isinstance(classifier, TransferTarget) else super().lacks(classifier)

    def _attack(
        self, classifier: Classifier, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> tuple[np.ndarray, Cost]:
        if not isinstance(classifier, TransferTarget) or classifier.kept is None:
            return self._climb(classifier, images, labels, keys)
        kept = classifier.kept
        weights = [(source.id, source.weights_sha256) for source in classifier.sources]
        recipe = f"{self} {weights} {classifier.scheme.classes} {keys.seed} {keys.restart}"
        names = names_of(recipe, images, labels, keys.row_ids)
        rows = kept.missing(names)
        if len(rows):
            made = self._climb(classifier, images[rows], labels[rows], keys.take(rows))
            kept.add(names[rows], *made)
        return kept.take(names)

    def _climb(
        self, classifier: Classifier, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> tuple[np.ndarray, Cost]:
        sources = _labelled_sources(classifier, labels)
        shape = (self.steps, len(sources), DRAWS)
        draws = np.array([draw.random(shape) for draw in keys.generators()])
        current, velocity = images, np.zeros(images.shape)
        cost = Cost.zeros(len(images))
        length = self.step_size * self.eps / self.steps
        for step in range(self.steps):
            gradient = self._gradient(sources, current, draws[:, step], step, cost)
            if self.blur:
                sigma = (0, self.blur, self.blur, 0)
                gradient = gaussian_filter(gradient, sigma, mode="constant")
            velocity = self.momentum * velocity + _same_size(gradient)
            moved = current + steepest_step(velocity, length, self.norm)
            current = project(moved, images, self.eps, self.norm)
        return current, cost

    def _gradient(
        self,
        sources: list[tuple[DifferentiableClassifier, np.ndarray]],
        images: np.ndarray,
        draws: np.ndarray,
        step: int,
        cost: Cost,
    ) -> np.ndarray:
        """Sum of the sources' gradients, float64 (N, H, W, C), each of mean size 1."""
        total = np.zeros(images.shape)
        for index, (source, labels) in enumerate(sources):
            rows = np.flatnonzero(labels != NO_LABEL)
            if not len(rows):  # the source lacks the classes of all these faces
                continue
            views = Views(draws[rows, index], self.diversity, *images.shape[1:3])
            seen = views.of(images[rows])
            with source.drawn(step):
                gradient = source.input_gradients(seen, labels[rows], self.loss).gradient
            ones = np.ones(len(rows), np.int64)
            cost.add(rows, Cost(ones, ones, zero_gradients(gradient)))
            total[rows] += _same_size(views.back(gradient))
        return total


def _labelled_sources(
    classifier: Classifier, labels: np.ndarray
) -> list[tuple[DifferentiableClassifier, np.ndarray]]:
    """Each source with the labels in its own classes, int64 (N,)."""
    sources = classifier.sources if isinstance(classifier, TransferTarget) else (classifier,)
    return [
        (source, translate(labels, classifier.scheme, source.scheme))
        for source in sources
        if isinstance(source, DifferentiableClassifier)
    ]


def _same_size(gradient: np.ndarray) -> np.ndarray:
    """Divided by each image's mean absolute value, float64; zeros stay zeros."""
    wide = gradient.astype(np.float64)
    sizes = np.abs(wide).mean(axis=(1, 2, 3), keepdims=True)
    return wide / np.maximum(sizes, np.finfo(np.float64).tiny)
