"""Grad-CAM under attack: which regions a net's prediction depends on, and how far they move.

Source: Selvaraju et al. 2017, arXiv 1610.02391 (the maps); the question is that of Chakraborty et
al. 2022, "Generalizing adversarial explanations with Grad-CAM", arXiv 2204.05427, who compare maps
by SSIM. Here it is their cosine, which needs no window: 0 for the same map, 1 for maps that do
not overlap.
"""

from typing import NamedTuple

import numpy as np

from fer_models.classifier import Classifier
from fer_models.explanations.feature_maps import grad_cam, map_layers
from fer_models.net_classifier import NetClassifier

_BATCH = 100
_DECIMALS = 4
"""Decimals kept of a shift; further ones depend on the number of threads."""


class Explanations(NamedTuple):
    """Grad-CAM maps of N faces, float32 (N, H, W) in [0, 1], each for the predicted class.

    Attributes:
        clean: maps of the clean faces.
        attacked: maps of the attacked faces.
    """

    clean: np.ndarray
    attacked: np.ndarray

    def shifts(self) -> np.ndarray:
        """Return 1 - cosine of the two maps, float64 (N,) in [0, 1]; NaN where a map is empty."""
        first, second = self.clean.astype(np.float64), self.attacked.astype(np.float64)
        together = (first * second).sum(axis=(1, 2))
        lengths = np.sqrt((first**2).sum(axis=(1, 2)) * (second**2).sum(axis=(1, 2)))
        cosine = together / np.where(lengths > 0, lengths, np.nan)
        return np.round(np.clip(1 - cosine, 0, 1), _DECIMALS)


def explain(classifier: Classifier, clean: np.ndarray, attacked: np.ndarray) -> Explanations | None:
    """Explain the predictions for N clean and attacked faces; None without feature maps.

    Args:
        classifier: any model; only convolutional nets without a defence have maps.
        clean: float32 (N, H, W, C) in [0, 1].
        attacked: float32 (N, H, W, C) in [0, 1].
    """
    if not isinstance(classifier, NetClassifier):
        return None
    try:
        map_layers(classifier)
    except ValueError:
        return None
    return Explanations(*(_maps(classifier, images) for images in (clean, attacked)))


def _maps(classifier: NetClassifier, images: np.ndarray) -> np.ndarray:
    parts = [
        grad_cam(classifier, images[start : start + _BATCH])
        for start in range(0, len(images), _BATCH)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, *images.shape[1:3]), np.float32)
