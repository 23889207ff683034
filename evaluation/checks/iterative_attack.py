"""R6 where no iterative attack by gradients was made, so that none of its probes can be.

Not here: the probes of an attack that was made (`evaluation/checks/probes.py`).
"""

from dataclasses import fields

from attacks.regional import GlassesPGD, RegionalPGD
from attacks.registry import ATTACKS
from evaluation.checks.rules import Check, check
from evaluation.config import RunConfig
from evaluation.results.schema import WORST_CASE
from evaluation.tier_attacks import attacks_on, is_black_box
from fer_models.classifier import Classifier


def iterates(name: str) -> bool:
    """Whether an attack follows gradients in several steps and may change any pixel."""
    attack = ATTACKS[name]
    confined = attack.universal or issubclass(attack, RegionalPGD | GlassesPGD)
    stepwise = "steps" in {field.name for field in fields(attack)}
    return attack.needs_gradients and stepwise and not confined


def iterative_checks(classifier: Classifier, config: RunConfig) -> list[Check]:
    """Flag the worst case of a model with gradients that no iterative attack followed.

    Args:
        classifier: any model.
        config: configuration of the run.

    Returns:
        A flagged check for each attacked label set; none for a black box, in a run without attacks,
        and where such an attack is made.
    """
    made = [attack.name for attack in attacks_on(classifier, config)]
    if is_black_box(classifier) or not made or any(iterates(name) for name in made):
        return []
    words = (
        f"No attack of the run ({', '.join(made)}) follows gradients in several steps over the "
        "whole image, and one may break far more: robust accuracy is an upper bound. Add "
        "`apgd_chosen` or `ensemble` to the tier."
    )
    return [
        check(
            classifier.id, "R6", "an iterative attack was made", True, 0, 1, words,
            attacked_labels=label_set, perturbation=WORST_CASE,
        )
        for label_set in config.labels
    ]  # fmt: skip
