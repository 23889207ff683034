"""Ensemble: gradient attacks in turn, and Square at full length only where gradients may mislead.

Not here: every attack at full length (`attacks/ensembles/full.py`).
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.apgd import APGD, TargetedAPGD
from attacks.base import Attack, Cost, Keys
from attacks.broken import leads
from attacks.ensembles.chosen_targets import ChosenTargetsAPGD
from attacks.ensembles.foretelling import foretelling
from attacks.fmn import FMN
from attacks.square import Square
from attacks.threat_model import Norm
from fer_models.classifier import Classifier

CLOSE = 0.9
"""Gradients that come this share of the way from the clean image to a boundary are tried again."""
HALF_WAY = 0.5
"""A short run of Square that comes this share of the way is continued by a long one."""
RIVAL = 0.9
"""So is one that comes this share of the way that gradients come: they may mislead."""
NOWHERE = 0.05
"""So is one on an image that gradients bring less of the way than this, however far it came."""
FORETOLD = 0.9
"""None is needed where gradients foretell small steps at least this well."""
SMALL = 8
"""A small step is this part of eps."""
TINY = 1e-30


@dataclass(frozen=True, kw_only=True)
class Ensemble(Attack):
    """Attacks that fail for different reasons, each spending its steps where they promise most.

    APGD on cross-entropy; APGD towards every wrong class in brief, at length towards the two that
    came nearest; FMN; a short run of Square. Images that gradients bring close to a boundary get
    longer climbs of all three kinds. Square gets all of its queries on an image where the short run
    came further than the gradients, where these brought it nowhere, where most of them were zero,
    and, if gradients do not foretell how small steps change the answers, where the short run came
    half-way to a boundary or nearly as far as gradients, or these hardly left the clean image.
    Each attack sees only the images that are unbroken by then, and what happens to an image does
    not depend on the others. Under l1 there is no FMN and no Square.

    Source: the parts are AutoAttack's, Croce & Hein 2020, "Reliable evaluation of adversarial
    robustness with an ensemble of diverse parameter-free attacks", arXiv 2003.01690, with FMN in
    FAB's place; the rules by which they spend are ours.

    Attributes:
        steps: gradient steps of APGD on cross-entropy; each of the longer climbs has twice as many.
        targeted_steps: gradient steps of a long climb towards a target.
        minimal_steps: gradient steps of FMN.
        queries: forward passes of a long run of Square.
        screening: a short run of Square has this part of the queries.
    """

    steps: int = 50
    targeted_steps: int = 60
    minimal_steps: int = 20
    queries: int = 5000
    screening: int = 16

    name: ClassVar[str] = "ensemble"
    title: ClassVar[str] = "ensemble"
    words: ClassVar[str] = (
        "APGD, APGD towards the most promising wrong classes and, except under L1, FMN and a short "
        "Square, in turn, each on the faces that are still classified correctly; longer where a "
        "face is nearly broken or gradients may mislead"
    )
    norms: ClassVar[tuple[Norm, ...]] = (Norm.LINF, Norm.L2, Norm.L1)
    needs_gradients: ClassVar[bool] = True
    by_answers: ClassVar[bool] = True
    needs_scores: ClassVar[bool] = True
    reduced_precision: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._climbs()  # refuses wrong options
        if self.norm is not Norm.L1:
            self._check_at_least_one("queries", "screening")

    def _attack(
        self, classifier: Classifier, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> tuple[np.ndarray, Cost]:
        state = _State(classifier, images, labels, keys)
        for stage in self._climbs():
            state.run(stage, state.left)
        for stage in self._longer_climbs():
            state.run(stage, state.left[state.way(state.lead)[state.left] >= CLOSE])
        if self.norm is Norm.L1:
            return state.nearest, state.cost
        blind = state.cost.zero_gradients > state.cost.backward // 2
        by_gradients = state.way(state.lead)
        by_queries = state.way(state.run(self._square(self.queries // self.screening), state.left))
        promising = by_queries >= np.minimum(HALF_WAY, RIVAL * by_gradients)
        promising |= by_gradients < NOWHERE
        across = 1.0 if self.norm is Norm.LINF else math.sqrt(np.prod(images.shape[1:]))
        foretold = state.foretold(state.left[promising[state.left]], self.eps / SMALL / across)
        misled = (by_gradients <= 0) | (by_queries > by_gradients)
        doubtful = blind | misled | (promising & (foretold < FORETOLD))
        state.run(self._square(self.queries), state.left[doubtful[state.left]])
        return state.nearest, state.cost

    def _climbs(self) -> tuple[Attack, ...]:
        climbs = (
            APGD(norm=self.norm, eps=self.eps, steps=self.steps),
            ChosenTargetsAPGD(norm=self.norm, eps=self.eps, steps=self.targeted_steps),
        )
        if self.norm is Norm.L1:
            return climbs
        return (*climbs, FMN(norm=self.norm, eps=self.eps, steps=self.minimal_steps))

    def _longer_climbs(self) -> tuple[Attack, ...]:
        steps = 2 * self.steps
        climbs = (
            APGD(norm=self.norm, eps=self.eps, steps=steps),
            TargetedAPGD(norm=self.norm, eps=self.eps, steps=steps, targets=3),
        )
        if self.norm is Norm.L1:
            return climbs
        return (*climbs, FMN(norm=self.norm, eps=self.eps, steps=steps))

    def _square(self, queries: int) -> Square:
        return Square(norm=self.norm, eps=self.eps, queries=max(1, queries))


class _State:
    """Images under attack.

    Attributes:
        nearest: float32 (N, H, W, C), broken, or where another class leads most so far.
        clean: float64 (N,), how far another class leads in the clean images.
        lead: float64 (N,), how far in `nearest`.
        left: int64 (M,), rows that are not broken yet.
        cost: what was spent.
    """

    def __init__(
        self, classifier: Classifier, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> None:
        self._given = classifier, images, labels, keys
        self.nearest, self.cost = images.copy(), Cost.zeros(len(images))
        self.clean = leads(classifier.logits(images), labels)
        self.cost.forward[:] = 1
        self.lead, self.left = self.clean.copy(), np.arange(len(images))

    def way(self, lead: np.ndarray) -> np.ndarray:
        """Share of the way from the clean image to a boundary, float64 (N,), of leads (N,)."""
        return 1 - lead / np.minimum(self.clean, -TINY)

    def run(self, stage: Attack, rows: np.ndarray) -> np.ndarray:
        """Attack some rows; returns how far another class leads afterwards, float64 (N,)."""
        classifier, images, labels, keys = self._given
        came = self.clean.copy()
        if not len(rows):
            return came
        found = stage(classifier, images[rows], labels[rows], keys.take(rows))
        came[rows] = leads(classifier.logits(found.images), labels[rows])
        self.cost.add(rows, found.cost)
        self.cost.forward[rows] += 1
        if not stage.needs_gradients:
            self.cost.by_answers[rows[found.success]] = 1
        better = rows[found.success | (came[rows] > self.lead[rows])]
        self.nearest[better] = found.images[np.isin(rows, better)]
        self.lead[better] = came[better]
        self.left = np.setdiff1d(self.left, rows[found.success])
        return came

    def foretold(self, rows: np.ndarray, size: float) -> np.ndarray:
        """How well gradients foretell steps of `size` per pixel at `nearest`, float64 (N,).

        1 in other rows.
        """
        classifier, _, labels, keys = self._given
        found = np.ones(len(labels))
        if len(rows):
            found[rows], spent = foretelling(
                classifier, self.nearest[rows], labels[rows], size, keys.take(rows)
            )
            self.cost.add(rows, spent)
        return found
