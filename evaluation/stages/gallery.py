"""Choose faces for the report: broken images of every class, from the strongest attack."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from attacks.broken import broken
from attacks.sets.contents import AdversarialSet
from attacks.sets.eight_bits import whole_steps
from datasets.image_source import ImageSource
from evaluation.results.schema import GALLERY_ARRAYS
from evaluation.stages.explanation_shift import Explanations
from fer_models.classifier import Classifier

PER_CLASS = 2
"""Faces shown per class and model."""


def choose_faces(rows: pd.DataFrame) -> np.ndarray:
    """Return row ids of up to `PER_CLASS` broken images of each class, in the order of the run.

    Args:
        rows: rows of `per_image` of one model, attacked labels and attack.
    """
    moved = rows[rows.smallest_eps > 0]
    return moved.groupby("label").head(PER_CLASS).sort_values("label", kind="stable").row.to_numpy()


def shown_images(adversarial: AdversarialSet, rows: pd.DataFrame) -> np.ndarray:
    """Which of a set's images show the faces of `choose_faces`, int64 (M,), in their order.

    Args:
        adversarial: the set.
        rows: its rows of `per_image`.
    """
    place = {row: number for number, row in enumerate(adversarial.row_ids[adversarial.image_rows])}
    return np.array([place[row] for row in choose_faces(rows)], dtype=np.int64)


def examples(
    classifier: Classifier,
    adversarial: AdversarialSet,
    clean: ImageSource,
    rows: pd.DataFrame,
    explanations: Explanations | None,
) -> dict[str, np.ndarray]:
    """Return the gallery arrays (see `GALLERY_ARRAYS`) of one model and attack.

    Args:
        classifier: the attacked model.
        adversarial: its set of N images.
        clean: float32 (N, H, W, C), the clean images of the same rows.
        rows: the set's rows of `per_image`.
        explanations: maps of the images of `shown_images`; None without maps.
    """
    chosen, shown = choose_faces(rows), shown_images(adversarial, rows)
    index = adversarial.image_rows[shown]
    nothing = np.zeros((len(shown), *clean.shape[1:3]), np.float32)
    maps = Explanations(nothing, nothing, np.empty(0)) if explanations is None else explanations
    attacked, before = adversarial.images[shown], clean[index]
    labels = rows.set_index("row").label.loc[chosen].to_numpy(np.int64)
    eps = adversarial.smallest_eps[index]
    rounded, fits = whole_steps(before, attacked, eps, adversarial.spec.norm, stretched=False)
    count, names = len(chosen), np.array(classifier.scheme.classes)
    return {
        "row": chosen.astype(np.int64),
        "model": np.full(count, rows.model.iloc[0]),
        "attacked_labels": np.full(count, rows.attacked_labels.iloc[0]),
        "perturbation": np.full(count, rows.perturbation.iloc[0]),
        "norm": np.full(count, rows.norm.iloc[0]),
        "eps": eps,
        "label": names[labels],
        "clean": np.round(before * 255).astype(np.uint8),
        "attacked": attacked,
        "classes": np.tile(names, (count, 1)),
        "clean_probabilities": _probabilities(classifier, before),
        "attacked_probabilities": _probabilities(classifier, attacked),
        "survives_8bit": fits & broken(classifier.logits(rounded), labels),
        "clean_cam": np.round(255 * maps.clean).astype(np.uint8),
        "attacked_cam": np.round(255 * maps.attacked).astype(np.uint8),
    }


def _probabilities(classifier: Classifier, images: np.ndarray) -> np.ndarray:
    """Probabilities float32 (N, K); 1 for the label and NaN for others where it is all there is."""
    logits = classifier.logits(images)
    if classifier.labels_only:
        return np.where(logits == 1, logits, np.float32(np.nan))
    shares: np.ndarray = softmax(logits, axis=1)
    return shares


def join(parts: list[dict[str, np.ndarray]], shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Join the galleries of several models, with classes padded to the largest K.

    Args:
        parts: arrays of `examples`, possibly none.
        shape: (H, W, C) of the images, for an empty gallery.
    """
    if not parts:
        return _empty(shape)
    widest = max(part["classes"].shape[1] for part in parts)
    joined = {}
    for name in GALLERY_ARRAYS:
        arrays = [part[name] for part in parts]
        if name == "classes":
            arrays = [_pad(array, widest, "") for array in arrays]
        elif name.endswith("probabilities"):
            arrays = [_pad(array, widest, np.nan) for array in arrays]
        joined[name] = np.concatenate(arrays)
    return joined


def _pad(array: np.ndarray, width: int, fill: Any) -> np.ndarray:
    return np.pad(array, ((0, 0), (0, width - array.shape[1])), constant_values=fill)


def _empty(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    text = np.empty(0, "U1")
    return {
        **{name: text for name in ("model", "attacked_labels", "perturbation", "norm", "label")},
        "row": np.empty(0, np.int64),
        "eps": np.empty(0),
        "clean": np.empty((0, *shape), np.uint8),
        "attacked": np.empty((0, *shape), np.float32),
        "classes": np.empty((0, 1), "U1"),
        "clean_probabilities": np.empty((0, 1), np.float32),
        "attacked_probabilities": np.empty((0, 1), np.float32),
        "survives_8bit": np.empty(0, bool),
        **{name: np.empty((0, *shape[:2]), np.uint8) for name in ("clean_cam", "attacked_cam")},
    }
