"""Attack or corrupt faces as a viewer's settings say."""

import numpy as np

from attacks.base import Attack, Keys
from attacks.registry import CORRUPTIONS, make_attack
from attacks.threat_model import Norm
from datasets.base.errors import InputError
from fer_models.classifier import Classifier
from live.model_loader import ModelLoader
from live.precomputed import apply
from live.settings import ATTACKS, PRECOMPUTED, PRINTED, Settings
from live.towards import OTHER

SEED = 0


class NotYet(InputError):
    """The attack is still being computed; a later frame gets it."""


def perturb(
    models: ModelLoader,
    classifier: Classifier,
    images: np.ndarray,
    labels: np.ndarray,
    numbers: np.ndarray,
    settings: Settings,
) -> np.ndarray:
    """Attack or corrupt faces.

    Args:
        models: holds views of the classifier and precomputed attacks.
        classifier: classifier to attack.
        images: float32 (N, H, W, C) in [0, 1].
        labels: int64 (N,), predictions on the clean faces, which the attack must change.
        numbers: int64 (N,) numbers of the faces; noise on a face stays the same between frames.
        settings: attack, eps, steps, severity, target.

    Returns:
        float32 (N, H, W, C) in [0, 1].

    Raises:
        InputError: no such target, or the attack needs gradients and the classifier has none.
        NotYet: the attack is still being computed.
    """
    keys = Keys(SEED, numbers)
    if settings.attack in CORRUPTIONS:
        return CORRUPTIONS[settings.attack]()(images, settings.severity, keys)
    classifier, labels = aim(models, classifier, labels, settings.target)
    if settings.attack in PRECOMPUTED:
        precomputed = models.ask_precomputed(classifier, settings.attack)
        if precomputed is None:
            raise NotYet(f"Computing the {settings.attack} attack on {classifier.id} …")
        return apply(precomputed, images, eps_of(settings), keys)
    return attack_of(settings)(classifier, images, labels, keys).images


def wait_for_attack(models: ModelLoader, classifier: Classifier, settings: Settings) -> None:
    """Wait for an attack of `live.precomputed`, if the settings name one.

    Raises:
        InputError: no such target, or the classifier has no gradients.
    """
    if settings.attack in PRECOMPUTED:
        target, _ = aim(models, classifier, np.empty(0, np.int64), settings.target)
        models.wait_precomputed(target, settings.attack)


def attack_of(settings: Settings) -> Attack:
    """Make the chosen attack, with its eps and steps."""
    option = ATTACKS[settings.attack]
    options = {option: settings.steps} if option else {}
    return make_attack(settings.attack, Norm.LINF, eps_of(settings), options)


def eps_of(settings: Settings) -> float:
    """Linf radius of the chosen attack."""
    return 1.0 if settings.attack in PRINTED else settings.eps / 255


def aim(
    models: ModelLoader, classifier: Classifier, labels: np.ndarray, target: str
) -> tuple[Classifier, np.ndarray]:
    """Return the classifier to attack and the labels int64 (N,) to change, given a target or none.

    Raises:
        InputError: no such target.
    """
    if not target:
        return classifier, labels
    return models.view(classifier, target), np.full(len(labels), OTHER, np.int64)
