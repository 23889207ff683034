"""What a viewer's settings do to faces, through the attacks and corruptions of `attacks`."""

import numpy as np

from attacks.base import Keys
from attacks.registry import CORRUPTIONS, make_attack
from attacks.threat_model import Norm
from fer_models.classifier import Classifier
from live.settings import ATTACKS, Settings
from live.shelf import Shelf
from live.towards import OTHER

SEED = 0


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
    """
    keys = Keys(SEED, numbers)
    if settings.attack in CORRUPTIONS:
        return CORRUPTIONS[settings.attack]()(images, settings.severity, keys)
    option = ATTACKS[settings.attack]
    options = {option: settings.steps} if option else {}
    attack = make_attack(settings.attack, Norm.LINF, settings.eps / 255, options)
    if settings.target:
        classifier = shelf.view(classifier, settings.target)
        labels = np.full(len(images), OTHER, np.int64)
    return attack(classifier, images, labels, keys).images
