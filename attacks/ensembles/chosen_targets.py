"""APGD towards the targets that short climbs find promising; the parts of the ensemble use it."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from attacks.apgd import TargetedAPGD
from attacks.apgd_ascent import choose
from attacks.base import Cost, Keys
from attacks.broken import leads, likeliest
from fer_models.classifier import Classifier, DifferentiableClassifier


@dataclass(frozen=True, kw_only=True)
class ChosenTargetsAPGD(TargetedAPGD):
    """A short climb towards each target, then long ones towards those that came nearest.

    Every climb starts at the clean image. An image that stays unbroken ends at the point of all
    climbs where another class leads most.

    Attributes:
        steps: gradient steps of a long climb.
        short_steps: gradient steps of a short one.
        chosen: number of targets of long climbs.
    """

    steps: int = 60
    short_steps: int = 12
    chosen: int = 2

    name: ClassVar[str] = "apgd_chosen"
    title: ClassVar[str] = "APGD towards chosen targets"
    words: ClassVar[str] = (
        "short climbs towards each wrong class, long ones towards those that came nearest"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_at_least_one("short_steps", "chosen")

    def _attack(
        self, classifier: Classifier, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> tuple[np.ndarray, Cost]:
        assert isinstance(classifier, DifferentiableClassifier)
        attacked, cost = images.copy(), Cost.zeros(len(images))
        lead, active = np.full(len(images), -np.inf), np.arange(len(images))
        targets = likeliest(classifier.logits(images), labels, self.targets)
        cost.forward[:] += 1
        nearness = np.full(targets.shape, -np.inf)
        short = replace(self, steps=self.short_steps)
        climbs = [(short, rank) for rank in range(targets.shape[1])]
        climbs += [(self, place) for place in range(min(self.chosen, targets.shape[1]))]
        for climb, number in climbs:
            if not len(active):
                break
            order = np.argsort(-nearness, axis=1, kind="stable")[active, number]
            rank = order if climb is self else np.full(len(active), number)
            towards, true = targets[active, rank], labels[active]
            points, fallen, spent = climb._approach(
                classifier, images[active], images[active], true, towards
            )
            logits = classifier.logits(points).astype(np.float64)
            cost.add(active, spent)
            cost.forward[active] += 1
            rows, ahead = np.arange(len(active)), leads(logits, true)
            if climb is short:
                nearness[active, rank] = logits[rows, towards] - logits[rows, true]
            better = fallen | (ahead > lead[active])
            attacked[active] = choose(better, points, attacked[active])
            lead[active] = np.maximum(ahead, lead[active])
            active = active[~fallen]
        return attacked, cost
