"""What a viewer's settings do to faces, through the attacks and corruptions of `attacks`."""

import numpy as np

from attacks.base import Attack, Keys
from attacks.registry import CORRUPTIONS, make_attack
from attacks.threat_model import Norm
from datasets.base.errors import InputError
from fer_models.classifier import Classifier
from live.learnt import show
from live.settings import ATTACKS, LEARNT, PRINTED, Settings
from live.shelf import Shelf
from live.towards import OTHER

SEED = 0


class NotYet(InputError):
    """What was asked for is being learnt; a later frame gets it."""


def perturb(
    shelf: Shelf,
    classifier: Classifier,
    images: np.ndarray,
    labels: np.ndarray,
    numbers: np.ndarray,
    settings: Settings,
) -> np.ndarray:
    """Attack or corrupt faces.

    Args:
        shelf: keeps views of the classifier.
        classifier: what is attacked.
        images: float32 (N, H, W, C) in [0, 1].
        labels: int64 (N,), the clean predictions: classes to get away from.
        numbers: int64 (N,) of the faces; noise of one face stays the same from frame to frame.
        settings: attack, eps, steps, severity, target.

    Returns:
        float32 (N, H, W, C) in [0, 1].

    Raises:
        InputError: no such target, or the attack needs gradients and the classifier has none.
        NotYet: it is still being learnt.
    """
    keys = Keys(SEED, numbers)
    if settings.attack in CORRUPTIONS:
        return CORRUPTIONS[settings.attack]()(images, settings.severity, keys)
    classifier, labels = aim(shelf, classifier, labels, settings.target)
    if settings.attack in LEARNT:
        learnt = shelf.ask_learnt(classifier, settings.attack)
        if learnt is None:
            raise NotYet(f"Learning the {settings.attack} attack on {classifier.id} …")
        return show(learnt, images, eps_of(settings), keys)
    return attack_of(settings)(classifier, images, labels, keys).images


def attack_of(settings: Settings) -> Attack:
    """The attack that a viewer chose, with eps and steps."""
    option = ATTACKS[settings.attack]
    options = {option: settings.steps} if option else {}
    return make_attack(settings.attack, Norm.LINF, eps_of(settings), options)


def eps_of(settings: Settings) -> float:
    """Linf radius of the attack that a viewer chose."""
    return 1.0 if settings.attack in PRINTED else settings.eps / 255


def aim(
    shelf: Shelf, classifier: Classifier, labels: np.ndarray, target: str
) -> tuple[Classifier, np.ndarray]:
    """What to attack and what to get away from, int64 (N,), so as to reach a target, if any.

    Raises:
        InputError: no such target.
    """
    if not target:
        return classifier, labels
    return shelf.view(classifier, target), np.full(len(labels), OTHER, np.int64)
