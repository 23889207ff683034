"""Reliability checks that run by themselves: rows of `checks.parquet` (rules R1 to R24).

Each says in words what was found and what to do about it.
"""

from typing import Any

import numpy as np
import pandas as pd

from attacks.registry import ATTACKS
from attacks.store import AdversarialSet
from attacks.threat_model import TOLERANCE
from datasets.labels import LabelScheme, LabelSet
from evaluation.config import RunConfig
from evaluation.figures import Images
from evaluation.listener import one_line
from evaluation.results import WORST_CASE
from fer_models.classifier import Classifier

Check = dict[str, Any]

SATURATED_SHARE = 0.1
BLACK_BOX_SHARE = 0.002
POSITIVE_CONTROL = 0.02
REPEATS = 5
REPEATABLE = 1e-5
"""What may change between two answers to the same batch, as a share of the logits' range."""
FEWEST_ANSWERS = 10
"""Faces of which one class for all says something."""
RISE = 0.01


def check(
    model: str,
    rule: str,
    name: str,
    flagged: bool,
    value: float,
    threshold: float,
    message: str,
    *,
    attacked_labels: str = "",
    perturbation: str = "",
) -> Check:
    """One row of `checks.parquet`."""
    return {
        "model": model,
        "attacked_labels": attacked_labels,
        "perturbation": perturbation,
        "rule": rule,
        "check": name,
        "status": "flagged" if flagged else "ok",
        "value": float(value),
        "threshold": float(threshold),
        "message": message,
    }


def failed_check(classifier: Classifier, rule: str, name: str, error: Exception) -> Check:
    """A check that the model died of (R24): what it is about is not known to be right."""
    words = f"{one_line(error)}. The check was not made: whether its rule holds is not known."
    return check(classifier.id, rule, name, True, np.nan, np.nan, words) | {"status": "error"}


def model_checks(classifier: Classifier, images: np.ndarray, logits: np.ndarray) -> list[Check]:
    """Checks of a model on its clean images.

    Args:
        classifier: the model.
        images: float32 (N, H, W, C) in [0, 1].
        logits: its answer, float32 (N, K).
    """
    batch = images[:32]
    repeats = np.stack([classifier.logits(batch) for _ in range(REPEATS)])
    ranges = logits.max(axis=1) - logits.min(axis=1)
    spread = float(
        (repeats.max(axis=0) - repeats.min(axis=0)).max() / max(np.median(ranges), 1e-30)
    )
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    saturated = float((shifted.sum(axis=1) == 1).mean())
    classes = len(np.unique(logits.argmax(axis=1)))
    single = classes < 2 and len(logits) >= FEWEST_ANSWERS
    return [
        check(
            classifier.id, "R11", "same answer twice", spread > REPEATABLE, spread, REPEATABLE,
            "The same batch gives the same logits each time."
            if spread <= REPEATABLE
            else "The same image gets different logits: the model is random. Attack it over "
            "several draws before believing its robust accuracy.",
        ),
        check(
            classifier.id, "R10", "softmax not saturated", saturated > SATURATED_SHARE, saturated,
            SATURATED_SHARE,
            "Probabilities keep gradients that an attack can follow."
            if saturated <= SATURATED_SHARE
            else "Many answers have probability exactly 1, where cross-entropy has no gradient. "
            "That can look like robustness: check against an attack with a margin loss.",
        ),
        check(
            classifier.id, "R3", "more than one class answered", single, classes, 2,
            "The model answers several classes, or the faces are too few to tell."
            if not single
            else "The model answers one class for every face: its robust accuracy is the share "
            "of that class and means nothing.",
        ),
    ]  # fmt: skip


def set_checks(
    classifier: Classifier, adversarial: AdversarialSet, lines: pd.DataFrame
) -> list[Check]:
    """Checks of one attack's set, from its stored images.

    Args:
        classifier: the attacked model.
        adversarial: its set of N images.
        lines: the set's lines of `per_image.parquet`, predicted from disk.
    """
    spec = adversarial.header.spec
    where = {"attacked_labels": spec.attacked_labels, "perturbation": spec.perturbation}
    found = [
        _budget(classifier.id, adversarial, lines),
        _repredicted(classifier.id, adversarial, lines),
        _eight_bits(classifier, adversarial),
    ]
    if ATTACKS[spec.perturbation].needs_gradients:
        found.append(_gradient_calls(classifier.id, adversarial))
    if adversarial.backward.any():
        found.append(_zero_gradients(classifier.id, adversarial))
    return [entry | where for entry in found]


def _budget(model: str, adversarial: AdversarialSet, lines: pd.DataFrame) -> Check:
    images, rows = adversarial.images, adversarial.image_rows
    excess = lines.distance.to_numpy(float)[rows] / adversarial.broken_at[rows] - 1
    longest = float(excess.max(initial=-1.0))
    inside = bool(np.isfinite(images).all() and ((images >= 0) & (images <= 1)).all())
    if longest <= TOLERANCE and inside:
        words = "Every stored image lies within eps and in [0, 1]."
    else:
        words = "A stored image leaves its budget or [0, 1]: these figures are not about eps."
    flagged = longest > TOLERANCE or not inside
    return check(model, "R2", "budget and range", flagged, longest, TOLERANCE, words)


def _repredicted(model: str, adversarial: AdversarialSet, lines: pd.DataFrame) -> Check:
    wrong = lines.prediction.to_numpy(np.int64) != adversarial.labels
    differing = int((wrong != (adversarial.broken_at >= 0)).sum())
    words = f"{differing} images have another flag when predicted again from the stored set."
    return check(model, "R2", "predicted again from disk", differing > 0, differing, 0, words)


def _eight_bits(classifier: Classifier, adversarial: AdversarialSet) -> Check:
    """Counted apart, never flagged: eps below 1/255 cannot survive rounding."""
    labels = adversarial.labels[adversarial.image_rows]
    rounded = np.round(adversarial.images * 255).astype(np.float32) / 255
    right = classifier.predict(rounded) == labels if len(labels) else np.zeros(1)
    share = float(right.mean())
    words = f"{100 * share:.1f} % of the broken images are right again after rounding to 8 bits."
    return check(classifier.id, "R2", "right again after 8 bits", False, share, np.nan, words)


def _gradient_calls(model: str, adversarial: AdversarialSet) -> Check:
    """R24: an attack that never asked for a gradient has attacked nothing."""
    attacked = adversarial.broken_at != 0
    idle = float((adversarial.backward[attacked] == 0).mean()) if attacked.any() else 0.0
    words = "The attack asked for the gradient of every face."
    if idle:
        words = (
            f"{100 * idle:.1f} % of the faces were attacked without a single gradient: what stands "
            "of them is not robust."
        )
    return check(model, "R24", "gradients were asked for", idle > 0, idle, 0, words)


def _zero_gradients(model: str, adversarial: AdversarialSet) -> Check:
    share = float(adversarial.zero_gradients.sum() / adversarial.backward.sum())
    words = "No input gradient was zero."
    if share:
        words = (
            f"{100 * share:.1f} % of the input gradients were zero: the attack was blind there, "
            "so what stands may only be hidden. Try an attack that needs no gradients."
        )
    return check(model, "R9", "gradients are not zero", share > 0, share, 0, words)


def suite_checks(
    per_image: pd.DataFrame, schemes: dict[str, LabelScheme], config: RunConfig
) -> list[Check]:
    """Checks between sets of one model, and the positive control of each attacked label set."""
    checks, grids = _severity_checks(per_image, schemes), config.grids
    left: dict[str, dict[str, float]] = {}
    attacked = per_image[per_image.attacked_labels != ""]
    for (model, label_set), lines in attacked.groupby(["model", "attacked_labels"], sort=False):
        table = lines.pivot(index="row", columns="perturbation", values="smallest_eps")
        own = set(lines[lines.source == model].perturbation)
        shared = min(grids[str(name)][-1] for name in table)
        ran = (
            lines.assign(ran=True).pivot(index="row", columns="perturbation", values="ran").notna()
        )
        checks += _pair_checks(str(model), str(label_set), table <= shared, ran, own)
        share = float((~(table <= config.eps[-1]).any(axis=1)).mean())
        left.setdefault(str(label_set), {})[str(model)] = share
    for attacked_labels, shares in left.items():
        checks += _positive_control(attacked_labels, shares)
    return checks


def _positive_control(label_set: str, left: dict[str, float]) -> list[Check]:
    """R19: a control that fails speaks against the worst case of every model, so each has a row.

    Args:
        label_set: that was attacked.
        left: share of faces that stand the largest eps, by model.
    """
    lowest = min(left.values())
    missing = lowest > POSITIVE_CONTROL
    words = "These settings break a model to about 0, so they are able to."
    if missing:
        words = (
            "No model of this run was broken to about 0 at the largest eps, so too weak an attack "
            "would look the same. Add an undefended model, or a larger eps."
        )
    return [
        check(
            model, "R19", "positive control", missing, lowest, POSITIVE_CONTROL, words,
            attacked_labels=label_set, perturbation=WORST_CASE,
        )
        for model in left
    ]  # fmt: skip


def _severity_checks(per_image: pd.DataFrame, schemes: dict[str, LabelScheme]) -> list[Check]:
    """R21: over all corruptions, a higher severity leaves no more faces right."""
    checks = []
    for model, scheme in schemes.items():
        lines = per_image[(per_image.model == model) & per_image.severity.notna()]
        images = Images(lines, scheme, LabelSet(scheme.name)).scored()
        accuracy = images.lines.assign(right=images.right).groupby("severity").right.mean()
        if len(accuracy) < 2:
            continue
        rise = float(accuracy.diff().max())
        found = ", ".join(f"{100 * value:.1f} %" for value in accuracy)
        words = f"Over all corruptions {found} of faces are read right from the lowest severity up."
        checks.append(
            check(
                model, "R21", "severity hurts", rise > RISE, rise, RISE, words,
                perturbation="corruptions",
            )
        )  # fmt: skip
    return checks


def _pair_checks(
    model: str, label_set: str, broken: pd.DataFrame, ran: pd.DataFrame, own: set[str]
) -> list[Check]:
    """R5, R7, R8: one step, a search or noise breaks no face that no other gradient attack breaks.

    Held against each other where both ran. An attack that also searches without gradients, as the
    ensemble does, is no judge of them.

    Args:
        model: id of the attacked model.
        label_set: attacked labels.
        broken: bool, a line a face, a column an attack.
        ran: bool, the same shape: whether the attack was made on the face.
        own: attacks made on the model itself, not on others that stand in for it.
    """
    climbing = [
        name
        for name in broken
        if name in own and ATTACKS[name].needs_gradients and not ATTACKS[name].by_answers
    ]
    checks = []
    for name, rule, words in (
        ("fgsm", "R5", "one gradient step"),
        ("square", "R7", "asking for answers"),
        ("noise", "R8", "random noise"),
    ):
        others = [other for other in climbing if other != name]
        if name not in broken or not others:
            continue
        both = ran[name] & ran[others].any(axis=1)
        if not both.any():
            continue
        only = float((broken[name] & ~broken[others].any(axis=1))[both].mean())
        strongest = max(others, key=lambda other: (other != "fgsm", broken[other].sum()))
        limit = 0.0 if rule == "R5" else BLACK_BOX_SHARE
        checks.append(
            check(
                model, rule, f"{strongest} beats {name}", only > limit, only, limit,
                f"No more faces than expected are broken by {words} alone."
                if only <= limit
                else f"{100 * only:.1f} % of {both.sum()} faces are broken by {words} but not by "
                f"{strongest}: its gradients mislead it, and robust accuracy is overstated.",
                attacked_labels=label_set,
                perturbation=strongest,
            )
        )  # fmt: skip
    return checks
