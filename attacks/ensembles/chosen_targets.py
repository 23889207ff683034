"""APGD towards the targets that short climbs find promising; also a part of the ensemble."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from attacks.apgd import TargetedAPGD
from attacks.apgd_ascent import choose
from attacks.base import Cost, Keys
from attacks.broken import leads, targets_of
from attacks.threat_model import Norm
from datasets.base.errors import InputError
from fer_models.classifier import Classifier, DifferentiableClassifier


@dataclass(frozen=True, kw_only=True)
class ChosenTargetsAPGD(TargetedAPGD):
    """A short climb towards each target, then long ones towards those that came nearest.

    Every climb starts at the clean image. An image that stays unbroken ends at that one or the
    point of all climbs where another class leads most.

    Attributes:
        steps: gradient steps of a long climb.
        shorter: a short climb has this part of the steps of a long one.
        chosen: number of targets of long climbs.
        near: long climbs are for images that short ones brought this share of the way from the
            clean image to a boundary; 0 for all. Under l1 they are for all, whatever it is: there
            short climbs, which move few pixels, say little of how far long ones come.
    """

    steps: int = 60
    shorter: int = 6
    chosen: int = 2
    near: float = 0.0

    name: ClassVar[str] = "apgd_chosen"
    title: ClassVar[str] = "APGD towards chosen targets"
    words: ClassVar[str] = (
        "APGD towards each wrong class in brief, at length towards the two that came nearest"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_at_least_one("shorter", "chosen")
        if not 0 <= self.near <= 1:
            raise InputError(f"`near` must be in [0, 1], a share; got {self.near}.")
        if self.restarts != 1:
            raise InputError(
                f"`restarts` must be 1 for {self.name}, whose climbs start at the clean image; got "
                f"{self.restarts}. Give more `steps`."
            )

    def _attack(
        self, classifier: Classifier, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> tuple[np.ndarray, Cost]:
        assert isinstance(classifier, DifferentiableClassifier)
        attacked, cost = images.copy(), Cost.zeros(len(images))
        clean, active = classifier.logits(images), np.arange(len(images))
        targets, behind = targets_of(clean, labels, self.targets), leads(clean, labels)
        lead = behind.copy()
        cost.forward[:] += 1
        nearness = np.full(targets.shape, -np.inf)
        near = 0.0 if self.norm is Norm.L1 else self.near
        short = replace(self, steps=max(1, self.steps // self.shorter))
        climbs = [(short, rank) for rank in range(targets.shape[1])]
        climbs += [(self, place) for place in range(min(self.chosen, targets.shape[1]))]
        for climb, number in climbs:
            if climb is self:
                active = active[lead[active] >= (1 - near) * behind[active]]
            if not len(active):
                break
            order = np.argsort(-nearness, axis=1, kind="stable")[active, number]
            rank = order if climb is self else np.full(len(active), number)
            known = targets[active, rank] >= 0
            here, rank = active[known], rank[known]
            if not len(here):
                continue
            towards, true = targets[here, rank], labels[here]
            points, fallen, spent = climb._approach(
                classifier, images[here], images[here], true, towards
            )
            logits = classifier.logits(points).astype(np.float64)
            cost.add(here, spent)
            cost.forward[here] += 1
            rows, ahead = np.arange(len(here)), leads(logits, true)
            if climb is short:
                nearness[here, rank] = logits[rows, towards] - logits[rows, true]
            better = fallen | (ahead > lead[here])
            attacked[here] = choose(better, points, attacked[here])
            lead[here] = np.maximum(ahead, lead[here])
            active = np.setdiff1d(active, here[fallen])
        return attacked, cost
