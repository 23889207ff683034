"""Which attacks of a tier a model gets."""

from attacks.registry import ATTACKS
from attacks.threat_model import Norm
from evaluation.config import AttackSettings, RunConfig
from fer_models.classifier import Classifier, DifferentiableClassifier


def is_black_box(classifier: Classifier) -> bool:
    """Whether a model gives no gradients."""
    return not isinstance(classifier, DifferentiableClassifier)


def knows(attack: AttackSettings, norm: Norm) -> bool:
    """Whether an attack of a tier is defined for this norm."""
    return norm in ATTACKS[attack.name].norms


def attacks_on(classifier: Classifier, config: RunConfig) -> list[AttackSettings]:
    """The attacks of a run's norm that are meant for a model of this kind, in the tier's order."""
    return [
        attack
        for attack in config.attacks
        if knows(attack, config.norm)
        and (is_black_box(classifier) or not attack.black_boxes_only)
        and (classifier.labels_only or not attack.labels_only)
    ]
