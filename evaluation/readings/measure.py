"""Read a clip with a model, clean and under every attack, by every smoother: rows per frame."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from attacks.clips.attacked_clip import FaceClip
from attacks.clips.suite import attack_clip
from evaluation.readings.source_clip import SourceClip
from evaluation.results.reading import CLEAN, FRAME_COLUMNS
from fer_models.classifier import DifferentiableClassifier
from fer_models.loss_slopes import loss_slope
from fer_models.losses import Loss
from fer_models.smoothing.smoother import Smoother


def measure_clip(
    classifier: DifferentiableClassifier,
    source: SourceClip,
    smoothers: Sequence[Smoother],
    grid: Sequence[float],
    *,
    steps: int,
    seed: int,
    progress: Callable[[str], None] = lambda _: None,
) -> pd.DataFrame:
    """Attack and read one clip.

    Readings come from the logits of the final images, asked anew, not from what an attack saw on
    its way.

    Args:
        classifier: the model that reads, and is attacked.
        source: the clip.
        smoothers: how frames become readings.
        grid: Linf radii, ascending, above 0.
        steps: gradient steps of each attack.
        seed: random seed.
        progress: called with each eps before its attacks.

    Returns:
        Rows with `FRAME_COLUMNS`.
    """
    images = source.images(classifier)
    clean = classifier.logits(images)
    expected, scored = source.expected(classifier, clean)
    clip = FaceClip(images, source.seconds, expected, scored, seed)
    names = np.array(classifier.scheme.classes)
    fixed = {
        "model": classifier.id,
        "clip": source.name,
        "reference": source.reference,
        "frame": np.arange(len(images)),
        "seconds": source.seconds,
        "expected": names[expected],
        "scored": scored,
        "margin": -loss_slope(Loss.MARGIN, clean, expected).loss,
    }

    def rows(smoother: Smoother, perturbation: str, eps: float, logits: np.ndarray) -> pd.DataFrame:
        read = {
            "smoothing": smoother.name,
            "perturbation": perturbation,
            "eps": eps,
            "reading": names[smoother.labels(logits)],
        }
        return pd.DataFrame({**fixed, **read})[list(FRAME_COLUMNS)]

    parts = [rows(smoother, CLEAN, 0.0, clean) for smoother in smoothers]
    for found in attack_clip(classifier, clip, smoothers, grid, steps, progress):
        parts.append(rows(found.smoother, found.attack, found.eps, found.clip.logits))
    return pd.concat(parts, ignore_index=True)
