"""Grad-CAM under attack: which regions a net's prediction depends on, and how far they move.

Source: Selvaraju et al. 2017, arXiv 1610.02391 (the maps); the question is that of Chakraborty et
al. 2022, "Generalizing adversarial explanations with Grad-CAM", arXiv 2204.05427, who compare maps
by SSIM. Here it is their cosine, which needs no window: 0 for the same map, 1 for maps that do
not overlap.
"""

from typing import NamedTuple

import numpy as np

from datasets.base.errors import InputError
from datasets.image_source import ImageSource
from fer_models.classifier import Classifier
from fer_models.explanations.feature_maps import grad_cam, map_layers
from fer_models.net_classifier import NetClassifier

_BATCH = 100
_DECIMALS = 4
"""Decimals kept of a shift; further ones depend on the number of threads."""


class Explanations(NamedTuple):
    """Grad-CAM maps of faces, float32 (M, H, W) in [0, 1], each for the predicted class.

    Attributes:
        clean: maps of the M clean faces that are shown.
        attacked: maps of the same faces, attacked.
        shifts: 1 - cosine of the two maps of each of all N faces, float64 (N,) in [0, 1]; NaN where
            a map is empty.
    """

    clean: np.ndarray
    attacked: np.ndarray
    shifts: np.ndarray


def explain(
    classifier: Classifier,
    clean: ImageSource,
    attacked: ImageSource,
    shown: np.ndarray | None = None,
) -> Explanations | None:
    """Explain the predictions for N clean and attacked faces; None without feature maps.

    Args:
        classifier: any model; only convolutional nets without a defence have maps.
        clean: float32 (N, H, W, C) in [0, 1].
        attacked: float32 (N, H, W, C) in [0, 1].
        shown: int64 (M,), faces whose maps are kept, in that order; none when None.
    """
    if not isinstance(classifier, NetClassifier):
        return None
    try:
        map_layers(classifier)
    except InputError:  # its weights were freed, and their file is another one now
        raise
    except ValueError:
        return None
    shown = np.empty(0, np.int64) if shown is None else shown
    kept = np.zeros((2, len(shown), *clean.shape[1:3]), np.float32)
    shifts = np.empty(len(clean))
    for start in range(0, len(clean), _BATCH):
        part = slice(start, start + _BATCH)
        before, after = (grad_cam(classifier, images[part]) for images in (clean, attacked))
        shifts[part] = map_shifts(before, after)
        here = (shown >= start) & (shown < start + _BATCH)
        kept[0, here], kept[1, here] = before[shown[here] - start], after[shown[here] - start]
    return Explanations(kept[0], kept[1], shifts)


def map_shifts(clean: np.ndarray, attacked: np.ndarray) -> np.ndarray:
    """1 - cosine of the maps (N, H, W) of N faces, float64 (N,); NaN where a map is empty."""
    first, second = clean.astype(np.float64), attacked.astype(np.float64)
    together = (first * second).sum(axis=(1, 2))
    lengths = np.sqrt((first**2).sum(axis=(1, 2)) * (second**2).sum(axis=(1, 2)))
    cosine = together / np.where(lengths > 0, lengths, np.nan)
    return np.round(np.clip(1 - cosine, 0, 1), _DECIMALS)
