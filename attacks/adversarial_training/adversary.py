"""Adversarial training: attacks on the batches, and the robust accuracy that selects an epoch.

The loop is `fer_models.training.loop.fit`; an `Adversary` is what it calls.
`python -m attacks.train` puts them together.
"""

import math
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import keras
import numpy as np
from scipy.special import softmax

from attacks.adversarial_training.recipe import AdversarialRecipe, Method
from attacks.adversarial_training.weight_perturbation import WeightPerturbation
from attacks.base import Keys
from attacks.gradient_attack import steepest_step
from attacks.pgd import PGD
from attacks.threat_model import Norm, project
from fer_models.classifier import DifferentiableClassifier
from fer_models.losses import Loss

LARGEST_STEP, SUM_OF_STEPS = 1.25, 2.5
"""Largest step size of PGD (Wong et al. 2020) and sum of its step sizes (Madry et al. 2018), as
multiples of eps."""
JUDGE_STEPS = 10


class Moves(NamedTuple):
    """Radius of the uniform initial noise as a multiple of eps; whether steps are projected."""

    noise: float
    projected: bool


MOVES = {Method.PGD: Moves(1, True), Method.N_FGSM: Moves(2, False), Method.TRADES: Moves(1, True)}


class Adversary:
    """Attacks the batches of a training and evaluates its epochs.

    The inner gradient sees the net in inference mode (batch normalisation by running averages,
    no dropout): Pang et al. 2021, arXiv 2010.00467, section 3, find better clean accuracy at equal
    robustness, and the averages remain those of the training batches.
    """

    def __init__(self, classifier: DifferentiableClassifier, recipe: AdversarialRecipe) -> None:
        """Store the net in training, whose weights keep changing, and its precision."""
        self._classifier, self._recipe = classifier, recipe
        self._perturbation: WeightPerturbation | None = None
        self._judge = PGD(norm=recipe.norm, eps=recipe.judge_eps, steps=JUDGE_STEPS)

    def attack(
        self, batch: tuple[np.ndarray, ...], epoch: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """Replace a batch by attacked images.

        Args:
            batch: images float32 (N, H, W, C) in [0, 1], targets float32 (N, K or more), and
                weights float32 (N,) if any.
            epoch: epochs done so far, as a fraction.
            rng: random generator.

        Returns:
            The batch with attacked images; for trades 2N rows with weights. At eps 0 the
            batch itself.
        """
        eps = self._recipe.eps_at(epoch)
        if eps == 0:
            return batch
        images, targets, *weights = batch
        num_classes = self._classifier.scheme.num_classes
        attacked = self._attacked(images, targets[:, :num_classes].argmax(axis=1), eps, rng)
        if self._recipe.method is not Method.TRADES:
            return (attacked, *batch[1:])
        answers = np.zeros_like(targets)
        answers[:, :num_classes] = softmax(self._classifier.attacked_logits(images), axis=1)
        clean_weights = weights[0] if weights else np.ones(len(images), np.float32)
        return (
            np.concatenate([images, attacked]),
            np.concatenate([targets, answers]),
            np.concatenate([clean_weights, self._recipe.beta * clean_weights]),
        )

    def moved_weights(
        self, model: keras.Model, batch: tuple[np.ndarray, ...]
    ) -> AbstractContextManager[None]:
        """The weights of the net in training moved by `weight_step` while this lasts."""
        if not self._recipe.weight_step:
            return nullcontext()
        if self._perturbation is None:
            self._perturbation = WeightPerturbation(model, self._recipe.weight_step)
        return self._perturbation(batch)

    def _attacked(
        self, images: np.ndarray, labels: np.ndarray, eps: float, rng: np.random.Generator
    ) -> np.ndarray:
        (noise, projected), norm = MOVES[self._recipe.method], self._recipe.norm
        moved = images + np.float32(noise * eps) * unit_noise(images.shape, norm, rng)
        step = eps * (min(LARGEST_STEP, SUM_OF_STEPS / self._recipe.steps) if projected else 1.0)
        for _ in range(self._recipe.steps):
            current = np.clip(moved, 0, 1).astype(np.float32)
            gradient = self._classifier.input_gradients(
                current, labels, Loss.CROSS_ENTROPY
            ).gradient
            moved = current + steepest_step(gradient, step, norm)
            if projected:
                moved = project(moved, images, eps, norm)
        return np.clip(moved, 0, 1).astype(np.float32)

    def robust_accuracy(self, images: np.ndarray, targets: np.ndarray) -> float:
        """Share of a fixed sample that a short PGD does not break: an upper bound.

        Args:
            images: uint8 (N, H, W, C).
            targets: float32 (N, K).
        """
        rows = np.random.default_rng(0).permutation(len(images))[: self._recipe.judge_rows]
        clean = images[rows].astype(np.float32) / np.float32(255)
        result = self._judge(self._classifier, clean, targets[rows].argmax(axis=1), Keys(0, rows))
        return float(1 - result.success.mean())


def unit_noise(shape: tuple[int, ...], norm: Norm, rng: np.random.Generator) -> np.ndarray:
    """Uniform points of balls of radius 1 in linf or l2, float32 (N, H, W, C)."""
    if norm is Norm.LINF:
        return rng.uniform(-1, 1, shape).astype(np.float32)
    ways = rng.standard_normal(shape)
    radii = rng.random((shape[0], 1, 1, 1)) ** (1 / math.prod(shape[1:]))
    lengths = np.sqrt(np.square(ways).sum(axis=(1, 2, 3), keepdims=True))
    return (radii * ways / lengths).astype(np.float32)
