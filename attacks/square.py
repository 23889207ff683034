"""Square attack: random search with square-shaped changes, using logits only."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.apgd_ascent import choose
from attacks.base import Attack, Cost, Keys
from attacks.broken import STOP_LEAD, broken, leads
from attacks.square_windows import corners, move_squares, set_squares, side_lengths, stripes, tiles
from attacks.threat_model import Norm, project
from datasets.base.errors import InputError
from fer_models.classifier import Classifier

DRAWS = 8
"""Uniform numbers per query: two corners, an orientation, and a sign per channel."""


@dataclass(frozen=True, kw_only=True)
class Square(Attack):
    """Black-box random search: each query changes one square, kept when the margin shrinks.

    One forward pass per query for all images that are not broken yet. linf sets a square to the
    clean pixels +-eps; l2 moves the perturbation of one square into another, shaped as two opposite
    bumps.

    Source: Andriushchenko et al. 2020, "Square Attack: a query-efficient black-box adversarial
    attack via random search", arXiv 1912.00049, algorithms 1 to 3; start and schedule of the
    squares as in AutoAttack, Croce & Hein 2020, "Reliable evaluation of adversarial robustness with
    an ensemble of diverse parameter-free attacks", arXiv 2003.01690.

    Attributes:
        queries: forward passes per image, not counting the clean image.
        area: area of the first squares, as a share of the image; it falls with the queries.
    """

    queries: int = 1000
    area: float = 0.8

    name: ClassVar[str] = "square"
    title: ClassVar[str] = "Square"
    words: ClassVar[str] = (
        "sees logits only: changes one random square after another, keeps the changes that help"
    )
    by_answers: ClassVar[bool] = True
    needs_scores: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_at_least_one("queries")
        if not 0 < self.area <= 1:
            raise InputError(f"`area` must be in (0, 1], a share of the image; got {self.area}.")

    def _attack(
        self, classifier: Classifier, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> tuple[np.ndarray, Cost]:
        generators = list(keys.generators())
        draws = np.array([draw.random((self.queries, DRAWS), np.float32) for draw in generators])
        proposed = self._start(images, generators)
        sides = side_lengths(self.queries, self.area, images.shape[1:3], self.norm)
        attacked, cost = images.copy(), Cost.zeros(len(images))
        cost.forward[:] = 1
        active = np.flatnonzero(~broken(classifier.logits(images), labels, STOP_LEAD))
        clean, true, proposed = images[active], labels[active], proposed[active]
        current, smallest = clean, np.full(len(active), np.inf)
        for query in range(self.queries):
            if not len(active):
                break
            if query:
                proposed = self._propose(current, clean, sides[query], draws[active, query])
            logits = classifier.logits(proposed)
            margins = -leads(logits, true)
            now = broken(logits, true, STOP_LEAD)
            better = now | (margins < smallest)
            cost.forward[active] += 1
            current = choose(better, proposed, current)
            smallest = np.where(better, margins, smallest)
            if now.any():
                attacked[active[now]] = current[now]
                active, clean, true = active[~now], clean[~now], true[~now]
                current, smallest = current[~now], smallest[~now]
        attacked[active] = current
        return attacked, cost

    def _start(self, clean: np.ndarray, generators: list[np.random.Generator]) -> np.ndarray:
        """Vertical stripes of +-eps (linf), or a grid of bumps of length eps (l2)."""
        signs = np.array([draw.choice((-1.0, 1.0), clean.shape[1:]) for draw in generators])
        if self.norm is Norm.LINF:
            return project(clean + self.eps * stripes(signs), clean, self.eps, self.norm)
        return project(clean + self.eps * tiles(signs), clean, self.eps, self.norm)

    def _propose(
        self, current: np.ndarray, clean: np.ndarray, side: int, draws: np.ndarray
    ) -> np.ndarray:
        """Next images to query, float32 (N, H, W, C), from draws (N, 8)."""
        signs = np.where(draws[:, 5 : 5 + clean.shape[3]] < 0.5, -1.0, 1.0)
        into = corners(draws[:, 0:2], side, clean.shape)
        if self.norm is Norm.LINF:
            return set_squares(current, clean, into, side, signs, self.eps)
        source = corners(draws[:, 2:4], side, clean.shape)
        delta = current - clean.astype(np.float64)
        upright = draws[:, 4] < 0.5
        moved = clean + move_squares(delta, source, into, side, signs, upright, self.eps)
        return project(moved, clean, self.eps, self.norm)
