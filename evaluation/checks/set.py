"""Reliability checks of one attack's stored set."""

import numpy as np
import pandas as pd

from attacks.registry import ATTACKS
from attacks.sets.contents import AdversarialSet
from attacks.sets.eight_bits import whole_steps
from attacks.threat_model import TOLERANCE
from datasets.base.percentages import share_in_percent
from datasets.image_source import ImageSource
from evaluation.blocks import blocks
from evaluation.checks.rules import Check, check
from fer_models.classifier import Classifier


def set_checks(
    classifier: Classifier, adversarial: AdversarialSet, rows: pd.DataFrame, clean: ImageSource
) -> list[Check]:
    """Checks of one attack's set, from its stored images.

    Args:
        classifier: the attacked model.
        adversarial: its set of N images.
        rows: the set's rows of `per_image`, predicted from disk.
        clean: float32 (N, H, W, C), clean images of the same rows.
    """
    spec = adversarial.spec
    where = {"attacked_labels": spec.attacked_labels, "perturbation": spec.perturbation}
    found = [
        _budget(classifier.id, adversarial, rows),
        _repredicted(classifier.id, adversarial, rows),
        _eight_bits(classifier, adversarial, clean),
    ]
    if ATTACKS[spec.perturbation].needs_gradients:
        found.append(_gradient_calls(classifier.id, adversarial))
    if adversarial.backward.any():
        found.append(_zero_gradients(classifier.id, adversarial))
    return [entry | where for entry in found]


def _budget(model: str, adversarial: AdversarialSet, rows: pd.DataFrame) -> Check:
    places = adversarial.image_rows
    excess = rows.distance.to_numpy(float)[places] / adversarial.smallest_eps[places] - 1
    longest = float(excess.max(initial=-1.0))
    images = (adversarial.images[part] for part in blocks(len(places)))
    inside = all(bool(((part >= 0) & (part <= 1)).all()) for part in images)  # NaN is not
    if longest <= TOLERANCE and inside:
        words = "Every stored image lies within eps and in [0, 1]."
    else:
        words = "A stored image exceeds its budget or [0, 1]: these figures do not hold."
    flagged = longest > TOLERANCE or not inside
    return check(model, "R2", "budget and range", flagged, longest, TOLERANCE, words)


def _repredicted(model: str, adversarial: AdversarialSet, rows: pd.DataFrame) -> Check:
    wrong = rows.prediction.to_numpy(np.int64) != adversarial.labels
    differing = int((wrong != (adversarial.smallest_eps >= 0)).sum())
    words = f"{differing} stored images have a different success flag when predicted again."
    return check(model, "R2", "predicted again from disk", differing > 0, differing, 0, words)


def _eight_bits(classifier: Classifier, adversarial: AdversarialSet, clean: ImageSource) -> Check:
    """Counted separately, never flagged: in linf below 1/255 no image survives rounding."""
    places, norm = adversarial.image_rows, adversarial.spec.norm
    labels, eps = adversarial.labels[places], adversarial.smallest_eps[places]
    right = np.zeros(max(len(labels), 1), bool)
    for part in blocks(len(labels)):
        images = adversarial.images[part]
        rounded, _ = whole_steps(clean[places[part]], images, eps[part], norm, stretched=False)
        right[part] = classifier.predict(rounded) == labels[part]
    share = float(right.mean())
    words = (
        f"{share_in_percent(share, 1)} % of the broken images are correct again after rounding to "
        "8 bits within eps."
    )
    return check(classifier.id, "R2", "correct again in 8 bits", False, share, np.nan, words)


def _gradient_calls(model: str, adversarial: AdversarialSet) -> Check:
    """R24: an attack that never computed a gradient has attacked nothing."""
    attacked = adversarial.smallest_eps != 0
    idle = float((adversarial.backward[attacked] == 0).mean()) if attacked.any() else 0.0
    words = "The attack asked for the gradient of every face."
    if idle:
        words = (
            f"{share_in_percent(idle, 1)} % of the faces were attacked without a single gradient, "
            "so those still classified correctly are not robust."
        )
    return check(model, "R24", "gradients were asked for", idle > 0, idle, 0, words)


def _zero_gradients(model: str, adversarial: AdversarialSet) -> Check:
    share = float(adversarial.zero_gradients.sum() / adversarial.backward.sum())
    words = "No input gradient was zero."
    if share:
        words = (
            f"{share_in_percent(share, 1)} % of the input gradients were zero, so the attack had "
            "no direction there and robust accuracy may be overstated. Try an attack that needs no "
            "gradients."
        )
    return check(model, "R9", "gradients are not zero", share > 0, share, 0, words)
