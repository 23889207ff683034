"""Attacks computed in advance on the embedded faces, then applied to any face at no cost."""

from functools import cache

import cv2
import numpy as np

from attacks.base import Keys
from attacks.universal import Sticker, UniversalPerturbation, learn_sticker, learn_universal
from datasets.base.errors import InputError
from datasets.sample import read_sample
from fer_models.classifier import Classifier, DifferentiableClassifier
from live.towards import OTHER, Towards

FACES = 350
"""Number of generated faces the attacks are computed on."""
EPS = 8 / 255
"""Eps for which the universal perturbation is computed; it is scaled to any other."""

Precomputed = UniversalPerturbation | Sticker


def precompute(classifier: Classifier, name: str) -> Precomputed:
    """Compute one of the two attacks against the classifier's labels of clean faces.

    Raises:
        InputError: the classifier has no gradients.
    """
    if not isinstance(classifier, DifferentiableClassifier):
        raise InputError(f"{name} needs gradients, which {classifier.id} does not have.")
    images = _faces(classifier.face_side)
    if isinstance(classifier, Towards):
        labels = np.full(len(images), OTHER, np.int64)
    else:
        labels = classifier.predict(images)
    if name == "universal":
        return learn_universal(classifier, images, labels, eps=EPS)
    return learn_sticker(classifier, images, labels)


def apply(precomputed: Precomputed, images: np.ndarray, eps: float, keys: Keys) -> np.ndarray:
    """Apply a precomputed attack to faces float32 (N, H, W, C)."""
    if isinstance(precomputed, Sticker):
        return precomputed.apply(images, keys)
    return precomputed.apply(images, eps)


@cache
def _faces(side: int) -> np.ndarray:
    """Faces as float32 (N, side, side, 1) in [0, 1], as the attacked ones are cropped."""
    images = read_sample().images
    chosen = np.random.default_rng(0).permutation(len(images))[:FACES]
    if side != images.shape[1]:
        resized = [cv2.resize(images[i], (side, side)) for i in chosen]
        return np.stack(resized)[..., None].astype(np.float32) / np.float32(255)
    return images[chosen].astype(np.float32) / np.float32(255)
