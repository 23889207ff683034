"""Attacks of ART that only see the logits, on one image at a time."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from attacks.art_bridge.base import ArtAttack
from attacks.base import Keys
from attacks.threat_model import Norm


@dataclass(frozen=True, kw_only=True)
class ScoreAttack(ArtAttack):
    """An attack on one image at a time by logits or probabilities."""

    by_answers: ClassVar[bool] = True
    needs_scores: ClassVar[bool] = True
    minimal: ClassVar[bool] = True
    together: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class SimBA(ScoreAttack):
    """Adds or subtracts `step` at one random pixel after another if that helps.

    Source: Guo et al. 2019, "Simple black-box adversarial attacks", arXiv 1905.07121, algorithm 1,
    pixel basis.
    """

    steps: int = 1000
    step: float = 0.2

    name: ClassVar[str] = "simba"
    title: ClassVar[str] = "SimBA"
    words: ClassVar[str] = (
        "sees probabilities only: tries one pixel after another, keeps the changes that help"
    )
    norms: ClassVar[tuple[Norm, ...]] = (Norm.L2,)

    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        estimator.gives_probabilities = True
        return super()._search(estimator, images.copy(), labels, keys)  # ART writes into them

    def _art(self, estimator: Any, count: int) -> Any:
        from art.attacks.evasion import SimBA as Search

        return Search(estimator, attack="px", max_iter=self.steps, epsilon=self.step, verbose=False)


@dataclass(frozen=True, kw_only=True)
class ZOO(ScoreAttack):
    """Carlini & Wagner's loss with gradients from finite differences.

    Source: Chen et al. 2017, "ZOO: Zeroth order optimization based black-box attacks to deep neural
    networks without training substitute models", arXiv 1708.03999, algorithm 2; whole resolution,
    random coordinates.

    Attributes:
        steps: steps of the optimiser, for each weight of the margin.
        searches: number of weights tried.
        pixels: number of pixels differentiated per step, two queries each.
        learning_rate: rate of the optimiser.
        weight: first weight of the margin.
    """

    steps: int = 200
    searches: int = 3
    pixels: int = 128
    learning_rate: float = 0.1
    weight: float = 1.0

    name: ClassVar[str] = "zoo"
    title: ClassVar[str] = "ZOO"
    words: ClassVar[str] = "sees logits only, and estimates the gradient from their differences"
    norms: ClassVar[tuple[Norm, ...]] = (Norm.L2,)

    def _art(self, estimator: Any, count: int) -> Any:
        from art.attacks.evasion import ZooAttack

        return ZooAttack(
            estimator,
            max_iter=self.steps,
            binary_search_steps=self.searches,
            nb_parallel=min(self.pixels, int(np.prod(estimator.input_shape))),
            learning_rate=self.learning_rate,
            initial_const=self.weight,
            use_resize=False,
            use_importance=False,
            verbose=False,
        )


@dataclass(frozen=True, kw_only=True)
class OnePixel(ScoreAttack):
    """Sets `pixels` pixels to any value, by differential evolution; measured in L1.

    Source: Su et al. 2019, "One pixel attack for fooling deep neural networks", arXiv 1710.08864,
    section III.
    """

    pixels: int = 1
    steps: int = 30

    name: ClassVar[str] = "one_pixel"
    title: ClassVar[str] = "one pixel"
    words: ClassVar[str] = "sees logits only: evolves a few pixels of any colour"
    norms: ClassVar[tuple[Norm, ...]] = (Norm.L1,)
    limits: ClassVar[dict[str, tuple[float, float]]] = {"pixels": (0, 1000)}

    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        return self._art(estimator, len(images)).generate(images)  # with labels, ART refuses K = 2

    def _art(self, estimator: Any, count: int) -> Any:
        from art.attacks.evasion import PixelAttack

        return PixelAttack(estimator, th=self.pixels, es=1, max_iter=self.steps)
