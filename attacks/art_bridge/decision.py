"""Attacks of ART that only see the predicted label, and walk along the boundary."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from attacks.art_bridge.base import LARGEST, STRETCHES, ArtAttack, art_norm, one_hot
from attacks.art_bridge.starts import find_start, nearer
from attacks.base import Keys
from attacks.threat_model import Norm

LEAST_BUDGET = 100
"""Queries of HopSkipJump; a search for a start takes 60."""
RESERVED = 1 + len(STRETCHES)
"""Of them, for the clean image and for confirming what was found."""


@dataclass(frozen=True, kw_only=True)
class DecisionAttack(ArtAttack):
    """An attack on one image at a time that starts from a misclassified one."""

    by_answers: ClassVar[bool] = True
    minimal: ClassVar[bool] = True
    together: ClassVar[bool] = False

    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        start = find_start(estimator, images, labels, self.norm)
        if start is None:
            return images
        search = self._art(estimator, len(images))
        found = search.generate(images, one_hot(labels, estimator), x_adv_init=start)
        return self._end(estimator, images, found, labels)

    def _end(
        self, estimator: Any, images: np.ndarray, found: np.ndarray, labels: np.ndarray
    ) -> np.ndarray:
        """Improve ART's result."""
        return found


@dataclass(frozen=True, kw_only=True)
class HopSkipJump(DecisionAttack):
    """Estimates the boundary's normal from predicted labels, then steps and bisects.

    Source: Chen et al. 2020, "HopSkipJumpAttack: A query-efficient decision-based attack", arXiv
    1904.02144, algorithm 2. ART stops beyond the boundary, after its last step; the bisection that
    ends the algorithm is ours.

    Attributes:
        steps: number of steps along the boundary.
        queries: number of queries for the normal at the first step; it grows with the square root
            of the step.
        budget: largest number of queries per image; the search ends there with the nearest image
            so far.
    """

    steps: int = 20
    queries: int = 100
    budget: int = 10_000

    name: ClassVar[str] = "hop_skip_jump"
    title: ClassVar[str] = "HopSkipJump"
    words: ClassVar[str] = "sees labels only: walks along the decision boundary"
    limits: ClassVar[dict[str, tuple[float, float]]] = {
        "queries": (0, 10_000),
        "budget": (LEAST_BUDGET, LARGEST),
    }

    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        from attacks.art_bridge.query_budget import BudgetedEstimator, OutOfQueriesError

        budgeted = BudgetedEstimator(
            estimator.ours, images, labels, self.norm, self.budget - RESERVED, estimator.spent
        )
        with suppress(OutOfQueriesError):
            super()._search(budgeted, images, labels, keys)
        return images if budgeted.nearest is None else budgeted.nearest

    def _end(
        self, estimator: Any, images: np.ndarray, found: np.ndarray, labels: np.ndarray
    ) -> np.ndarray:
        return nearer(estimator, images, np.clip(found, 0, 1), labels, self.norm)

    def _art(self, estimator: Any, count: int) -> Any:
        from art.attacks.evasion import HopSkipJump as Search

        return Search(
            estimator,
            norm=art_norm(self.norm),
            max_iter=self.steps,
            init_eval=self.queries,
            verbose=False,
        )


@dataclass(frozen=True, kw_only=True)
class Boundary(DecisionAttack):
    """A random walk along the boundary towards the clean image.

    Source: Brendel et al. 2018, "Decision-based adversarial attacks: Reliable attacks against
    black-box machine learning models", arXiv 1712.04248, algorithm 1.
    """

    steps: int = 500

    name: ClassVar[str] = "boundary"
    title: ClassVar[str] = "boundary attack"
    words: ClassVar[str] = (
        "sees labels only: starts far away and moves closer while the prediction stays wrong"
    )
    norms: ClassVar[tuple[Norm, ...]] = (Norm.L2,)

    def _art(self, estimator: Any, count: int) -> Any:
        from art.attacks.evasion import BoundaryAttack

        return BoundaryAttack(estimator, targeted=False, max_iter=self.steps, verbose=False)
