"""Full ensemble: APGD, targeted APGD, FMN and Square in turn, each on images not yet broken.

Not here: the ensemble that spends less (`attacks/ensembles/adaptive.py`).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.apgd import APGD, TargetedAPGD
from attacks.base import Attack, Cost, Keys
from attacks.fmn import FMN
from attacks.square import Square
from attacks.threat_model import Norm
from fer_models.classifier import Classifier


@dataclass(frozen=True, kw_only=True)
class FullEnsemble(Attack):
    """Four attacks that fail for different reasons, the cheapest first; broken images are done.

    Source: AutoAttack, Croce & Hein 2020, "Reliable evaluation of adversarial robustness with an
    ensemble of diverse parameter-free attacks", arXiv 2003.01690, section 5. Here FMN takes the
    place of FAB, and cross-entropy is of rescaled logits. Under l1 only the first two run.

    Attributes:
        steps: gradient steps of APGD on cross-entropy.
        targeted_steps: gradient steps of targeted APGD for each target.
        minimal_steps: gradient steps of FMN.
        queries: forward passes of Square.
    """

    steps: int = 100
    targeted_steps: int = 100
    minimal_steps: int = 100
    queries: int = 5000

    name: ClassVar[str] = "ensemble_full"
    title: ClassVar[str] = "full ensemble"
    words: ClassVar[str] = (
        "APGD, targeted APGD and, except under L1, FMN and Square, in turn, each on the faces that "
        "are still classified correctly"
    )
    norms: ClassVar[tuple[Norm, ...]] = (Norm.LINF, Norm.L2, Norm.L1)
    needs_gradients: ClassVar[bool] = True
    by_answers: ClassVar[bool] = True
    needs_scores: ClassVar[bool] = True
    reduced_precision: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._stages()  # refuses wrong options

    def _stages(self) -> tuple[Attack, ...]:
        climbs = (
            APGD(norm=self.norm, eps=self.eps, steps=self.steps),
            TargetedAPGD(norm=self.norm, eps=self.eps, steps=self.targeted_steps),
        )
        if self.norm is Norm.L1:
            return climbs
        return (
            *climbs,
            FMN(norm=self.norm, eps=self.eps, steps=self.minimal_steps),
            Square(norm=self.norm, eps=self.eps, queries=self.queries),
        )

    def _attack(
        self, classifier: Classifier, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> tuple[np.ndarray, Cost]:
        attacked, cost = images.copy(), Cost.zeros(len(images))
        active = np.arange(len(images))
        for stage in self._stages():
            if not len(active):
                break
            found = stage(classifier, images[active], labels[active], keys.take(active))
            attacked[active] = found.images
            cost.add(active, found.cost)
            if not stage.needs_gradients:
                cost.by_answers[active[found.success]] = 1
            active = active[~found.success]
        return attacked, cost
