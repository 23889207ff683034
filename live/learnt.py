"""Attacks that are learnt ahead on the embedded faces, then shown to any face at no cost."""

from functools import cache

import numpy as np

from attacks.base import Keys
from attacks.universal import Sticker, UniversalPerturbation, learn_sticker, learn_universal
from datasets.base.errors import InputError
from datasets.sample import read_sample
from fer_models.classifier import Classifier, DifferentiableClassifier
from live.towards import OTHER, Towards

FACES = 350
"""Generated faces that are learnt on."""
EPS = 8 / 255
"""Where the universal perturbation is learnt; it is shown at any eps."""

Learnt = UniversalPerturbation | Sticker


def learn(classifier: Classifier, name: str) -> Learnt:
    """Learn one of the two attacks against the labels that the classifier gives clean faces.

    Raises:
        InputError: the classifier has no gradients.
    """
    if not isinstance(classifier, DifferentiableClassifier):
        raise InputError(f"{name} needs gradients, which {classifier.id} has not.")
    images = _faces()
    if isinstance(classifier, Towards):
        labels = np.full(len(images), OTHER, np.int64)
    else:
        labels = classifier.predict(images)
    if name == "universal":
        return learn_universal(classifier, images, labels, eps=EPS)
    return learn_sticker(classifier, images, labels)


def show(learnt: Learnt, images: np.ndarray, eps: float, keys: Keys) -> np.ndarray:
    """Faces float32 (N, H, W, C) with what was learnt."""
    if isinstance(learnt, Sticker):
        return learnt.apply(images, keys)
    return learnt.apply(images, eps)


@cache
def _faces() -> np.ndarray:
    images = read_sample().images
    chosen = np.random.default_rng(0).permutation(len(images))[:FACES]
    return images[chosen].astype(np.float32) / np.float32(255)
