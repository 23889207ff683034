"""Rows of images: each model's prediction for each image, clean and perturbed.

Predictions are made again from the stored images (R2), never copied from the attack.
"""

from typing import Any

import numpy as np
import pandas as pd

from attacks.sets.contents import AdversarialSet, CorruptedSet
from attacks.threat_model import Norm, distance
from datasets.faceset import FaceSet
from datasets.image_source import UnitImages
from datasets.labels import NO_LABEL, LabelSet
from evaluation.blocks import blocks
from evaluation.config import smoothing_name
from evaluation.metrics.perturbation_size import perturbation_sizes
from evaluation.results.schema import ADDED_COLUMNS, PER_IMAGE_COLUMNS
from evaluation.stages.certification import Certificates
from evaluation.stages.eight_bits import smallest_eight_bit_eps
from fer_models.classifier import Classifier


def clean_rows(faces: FaceSet, classifier: Classifier, logits: np.ndarray) -> pd.DataFrame:
    """Return one row per image, unperturbed.

    Args:
        faces: N images.
        classifier: the model.
        logits: its logits, float32 (N, K).
    """
    return _rows(
        faces,
        classifier,
        logits,
        logits,
        perturbation="none",
        smallest_eps=np.nan,
        pixels=faces.pixel_hashes,
    )


def corrupted_rows(
    faces: FaceSet,
    classifier: Classifier,
    clean: np.ndarray,
    corrupted: CorruptedSet,
    logits: np.ndarray,
) -> pd.DataFrame:
    """Return one row per image and severity.

    Args:
        faces: the N images of the set, in its order.
        classifier: the model.
        clean: its logits of the clean images, float32 (N, K).
        corrupted: N images at S severities.
        logits: its logits of the set, float32 (N, S, K).
    """
    return pd.concat(
        [
            _rows(
                faces,
                classifier,
                clean,
                logits[:, index],
                perturbation=corrupted.header.spec.perturbation,
                severity=severity,
                smallest_eps=np.nan,
            )
            for index, severity in enumerate(corrupted.severities)
        ]
    )


def attacked_rows(
    faces: FaceSet, classifier: Classifier, clean: np.ndarray, adversarial: AdversarialSet
) -> pd.DataFrame:
    """Return one row per image: of the version broken at the smallest eps, else of the clean one.

    Args:
        faces: the N images of the set, in its order.
        classifier: the attacked model.
        clean: its logits of the clean images, float32 (N, K).
        adversarial: the set.
    """
    logits = clean.copy()
    logits[adversarial.image_rows] = classifier.logits(adversarial.images)
    images, spec = UnitImages(faces.images), adversarial.spec
    return _rows(
        faces,
        classifier,
        clean,
        logits,
        attacked_labels=spec.attacked_labels,
        perturbation=spec.perturbation,
        source=adversarial.header.source,
        norm=str(spec.norm),
        label=adversarial.labels,
        smallest_eps=adversarial.smallest_eps,
        smallest_eps_8bit=smallest_eight_bit_eps(classifier, adversarial, images),
        **_sizes(adversarial, images),
        forward=adversarial.forward,
        backward=adversarial.backward,
    )


def _sizes(adversarial: AdversarialSet, clean: UnitImages) -> dict[str, np.ndarray]:
    """Sizes of the perturbations of N faces, float64 (N,), by column; NaN without an image."""
    found: dict[str, np.ndarray] = {}
    moved = adversarial.image_rows
    for part in blocks(len(moved)):
        before, after = clean[moved[part]], adversarial.images[part]
        sizes = {"distance": distance(after, before, adversarial.spec.norm)}
        sizes |= perturbation_sizes(before, after)
        for name, values in sizes.items():
            found.setdefault(name, np.full(len(clean), np.nan))[moved[part]] = values
    return found


def certified_rows(
    faces: FaceSet,
    classifier: Classifier,
    clean: np.ndarray,
    certificates: Certificates,
    sigma: float,
) -> pd.DataFrame:
    """Return one row per image: what randomised smoothing with noise of this sigma certifies.

    Args:
        faces: the N images that were certified.
        classifier: the model.
        clean: its logits of the clean images, float32 (N, K).
        certificates: certificates of the N images.
        sigma: standard deviation of the noise.
    """
    return _rows(
        faces,
        classifier,
        clean,
        certificates.counts.astype(np.float32),
        perturbation=smoothing_name(sigma),
        source=classifier.id,
        norm=str(Norm.L2),
        prediction=certificates.prediction,
        smallest_eps=np.nan,
        certified_radius=certificates.radius,
    )


def _rows(
    faces: FaceSet, classifier: Classifier, clean: np.ndarray, logits: np.ndarray, **columns: Any
) -> pd.DataFrame:
    count = len(faces)
    values = {
        "row": faces.row_ids,
        "model": classifier.id,
        "attacked_labels": "",
        "source": "",
        "norm": "",
        "severity": pd.NA,
        "fer": _labels(faces, LabelSet.FER),
        "ferplus": _labels(faces, LabelSet.FERPLUS),
        "votes": list(faces.votes) if faces.votes is not None and faces.tagged else [None] * count,
        "leaked": faces.leaked if faces.leaked is not None else pd.NA,
        "label": NO_LABEL,
        "clean_prediction": clean.argmax(axis=1),
        "prediction": logits.argmax(axis=1),
        "logits": list(logits),
        "distance": np.nan,
        "forward": 0,
        "backward": 0,
        **dict.fromkeys(ADDED_COLUMNS, np.nan),
        "group": faces.groups,
        "near_leaked": faces.near_leaked if faces.near_leaked is not None else pd.NA,
        "subgroups": [None] * count if faces.subgroups is None else list(faces.subgroups),
        **columns,
    }
    return pd.DataFrame(values, index=np.arange(count))[list(PER_IMAGE_COLUMNS)].astype(
        PER_IMAGE_COLUMNS
    )


def _labels(faces: FaceSet, label_set: LabelSet) -> np.ndarray | int:
    return faces.labels(label_set).values if label_set in faces.label_sets else NO_LABEL
