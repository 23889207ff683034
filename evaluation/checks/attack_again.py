"""Run the attack of a set again on some of its faces."""

import numpy as np

from attacks.base import Keys
from attacks.registry import make_attack
from attacks.sets.contents import AdversarialSet
from datasets.image_source import ImageSource
from fer_models.classifier import Classifier


def attack_again(
    classifier: Classifier,
    made: AdversarialSet,
    clean: ImageSource,
    rows: np.ndarray,
    eps: float,
    options: dict[str, int] | None = None,
) -> np.ndarray:
    """bool (len(rows),): which faces the set's attack breaks at eps, with some options changed."""
    spec = made.spec
    attack = make_attack(spec.perturbation, spec.norm, eps, {**spec.options, **(options or {})})
    keys = Keys(spec.seed, made.row_ids[rows])
    return attack(classifier, clean[rows], made.labels[rows], keys).success
