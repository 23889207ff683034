"""The base of all attacks whose search is ART's.

ART only searches. Its results are clipped to [0, 1], and our classifier decides whether they are
broken. Attacks that look for a small perturbation keep an image only where it is broken within eps
and leave the others clean; the results of all other attacks are projected onto the ball. ART's
loops call our compiled classifier, and ART's random draws depend on the row (on the batch for
universal attacks).

ART is slow to import, so modules in here import it inside functions.
"""

import random
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from attacks.art_bridge.spent import Spent
from attacks.base import Attack, Cost, Keys
from attacks.broken import STOP_LEAD, broken
from attacks.threat_model import Norm, distance, project
from datasets.base.errors import InputError
from fer_models.classifier import Classifier

STRETCHES = (1.0, 1.001, 1.01, 1.05)
"""ART stops on the boundary itself, where rounding decides, so perturbations may grow a little."""
SMALLEST = 1e-6
"""Changes of a pixel below this are rounding (ART's pixel attack computes in 0 to 255)."""
LARGEST = 1e6
"""Largest value of a setting without its own limit; far above it, ART's float32 overflows."""


@dataclass(frozen=True, kw_only=True)
class ArtAttack(Attack):
    """An attack whose search is ART's. Numbers among its settings lie within `limits`."""

    together: ClassVar[bool] = True
    """Whether ART gets all images in one call; otherwise one by one, each with its own draws."""
    limits: ClassVar[dict[str, tuple[float, float]]] = {}
    """Smallest and largest value of a setting; by default more than 0 and at most `LARGEST`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for setting in fields(self):
            value = getattr(self, setting.name)
            least, largest = self.limits.get(setting.name, (0.0, LARGEST))
            if not isinstance(setting.default, int | float):
                continue
            if not (value > 0 and least <= value <= largest):
                above = f"at least {least:g}" if least else "more than 0"
                raise InputError(
                    f"`{setting.name}` must be {above} and at most {largest:g} for {self.name}; "
                    f"got {value}."
                )

    def _attack(
        self, classifier: Classifier, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> tuple[np.ndarray, Cost]:
        from attacks.art_bridge.estimator import Estimator

        attacked, cost = images.copy(), Cost.zeros(len(images))
        cost.forward[:] = 1
        active = np.flatnonzero(~broken(classifier.logits(images), labels, STOP_LEAD))
        groups = [active] if self.together else list(active[:, None])
        for rows in groups if len(active) else []:
            spent = Spent()
            estimator = Estimator(classifier, images.shape[1:], spent)
            draws = keys.take(rows)
            with seeded(draws.generator(0)):
                found = self._search(estimator, images[rows], labels[rows], draws)
            attacked[rows] = self._settle(classifier, found, images[rows], labels[rows], spent)
            cost.add(rows, spent.share(len(rows)))
        return attacked, cost

    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        """Images that ART finds, float (N, H, W, C), starting from correctly classified ones."""
        return self._art(estimator, len(images)).generate(images, one_hot(labels, estimator))

    @abstractmethod
    def _art(self, estimator: Any, count: int) -> Any:
        """ART's attack on an estimator, set up for `count` images at once."""

    def _settle(
        self,
        classifier: Classifier,
        found: np.ndarray,
        clean: np.ndarray,
        labels: np.ndarray,
        spent: Spent,
    ) -> np.ndarray:
        """Bring the results into range and budget, float32 (N, H, W, C)."""
        change = np.clip(found, 0, 1) - clean.astype(np.float64)
        change[np.abs(change) < SMALLEST] = 0
        if not self.minimal:
            return project(clean + change, clean, self.eps, self.norm)
        kept, left = clean.copy(), np.ones(len(clean), bool)
        for stretch in STRETCHES:
            tried = np.clip(clean + stretch * change, 0, 1).astype(np.float32)
            left &= distance(tried, clean, self.norm) <= self.eps
            if not left.any():
                break
            spent.forward += len(tried)
            now = left & broken(classifier.logits(tried), labels, STOP_LEAD)
            kept[now] = tried[now]
            left &= ~now
        return kept


def one_hot(labels: np.ndarray, estimator: Any) -> np.ndarray:
    """Labels as ART takes them, float32 (N, K)."""
    return np.eye(estimator.nb_classes, dtype=np.float32)[labels]


def art_norm(norm: Norm) -> float:
    """A norm as ART names it."""
    return np.inf if norm is Norm.LINF else 2


@contextmanager
def seeded(draw: np.random.Generator) -> Iterator[None]:
    """Seed the global generators, which ART draws from, and restore them afterwards."""
    states = random.getstate(), np.random.get_state()
    seed = int(draw.integers(2**32))
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
