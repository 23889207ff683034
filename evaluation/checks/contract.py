"""R25: does the contract describe the model's classes and scaling correctly?

On clean faces, the best assignment of outputs to classes and other known scalings are compared with
the contract (exact McNemar test on the same faces). Not here: finding a contract, see
`fer_models/foreign/contract_probe.py`.
"""

from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np

from datasets.base.percentages import in_percent
from evaluation.checks.rules import Check, check
from evaluation.statistics.paired import mcnemar
from fer_models.classifier import Classifier, ModelError
from fer_models.contract import Contract
from fer_models.foreign.probe_trial import best_order
from fer_models.foreign.scalings import known_scalings
from fer_models.net_classifier import NetClassifier
from fer_models.services.classifier import service_of
from fer_models.wrapped_classifier import WrappedClassifier
from fer_models.zoo import shipped_id

FACES = 100
"""Maximum number of faces on which other scalings are tried."""
SIGNIFICANT = 0.001
"""P-value below which another contract is better; the assignment is chosen on the same faces."""
_UNSCALED: dict[str, Any] = {"low": 0.0, "high": 1.0, "mean": (0.0,), "std": (1.0,), "steps": ()}


def contract_checks(
    classifier: Classifier, images: np.ndarray, logits: np.ndarray, labels: np.ndarray
) -> list[Check]:
    """Check the class order of any model, and the scaling of a foreign one.

    Args:
        classifier: the model.
        images: float32 (N, H, W, C) in [0, 1].
        logits: its logits, float32 (N, K).
        labels: int64 (N,) under the model's label set, -1 where there is none.
    """
    rows = np.flatnonzero(labels >= 0)
    if not len(rows):
        return []
    checks = [order_check(classifier, logits[rows], labels[rows])]
    inner = classifier
    while isinstance(inner, WrappedClassifier):
        inner = inner.inner
    if not isinstance(getattr(inner, "contract", None), Contract) or service_of(inner):
        return checks  # a service scales by itself
    if not shipped_id(inner.weights_sha256):
        rows = rows[:FACES]
        checks.append(_scaling_check(classifier.id, inner, images[rows], labels[rows]))
    return checks


def order_check(classifier: Classifier, logits: np.ndarray, labels: np.ndarray) -> Check:
    """R25: whether another order of the classes classifies significantly more faces correctly.

    Args:
        classifier: the model.
        logits: of N faces, float32 (N, K).
        labels: int64 (N,) in the model's classes.
    """
    predicted, classes = logits.argmax(axis=1), classifier.scheme.classes
    order = best_order(predicted, labels, len(classes))
    given, other = predicted == labels, predicted == order[labels]
    test = mcnemar(other, given)
    wrong = test.difference > 0 and test.p_value < SIGNIFICANT
    names = [""] * len(classes)
    for index, column in enumerate(order):
        names[column] = classes[index]
    moved = [f"{a} is {b}" for a, b in zip(classes, names) if a != b]
    words = "No other order of the classes classifies clearly more faces correctly."
    if wrong:
        words = (
            f"Another order of the classes classifies {_percent(other)} of {len(labels)} faces "
            f"correctly, the order in its contract {_percent(given)}: what it calls "
            f"{', '.join(moved)}. Correct the order of the classes."
        )
    return check(classifier.id, "R25", "class order", wrong, test.difference, SIGNIFICANT, words)


def _scaling_check(
    model: str,
    inner: Any,
    images: np.ndarray,
    labels: np.ndarray,
) -> Check:
    contract = inner.contract
    given = _right(inner, contract, images, labels)
    most, name, gain = given, "", 0.0
    for scaling in known_scalings(contract.channels):
        other = replace(contract, **_UNSCALED | scaling.fields)
        try:
            right = given if other == contract else _right(inner, other, images, labels)
        except ModelError:  # it refuses such pixels, so they are not what it was trained on
            continue
        test = mcnemar(right, given)
        if test.p_value < SIGNIFICANT and right.sum() > most.sum():
            most, name, gain = right, scaling.words, test.difference
    words = "No other known scaling classifies clearly more faces correctly."
    if name:
        words = (
            f"With pixels scaled {name} it classifies {_percent(most)} of {len(labels)} faces "
            f"correctly, with the scaling of its contract {_percent(given)}. Correct the "
            "contract: in this run the model was given wrongly scaled pixels."
        )
    return check(model, "R25", "scaling", bool(name), gain, SIGNIFICANT, words)


def _right(
    inner: Any,
    contract: Contract,
    images: np.ndarray,
    labels: np.ndarray,
) -> np.ndarray:
    """Whether each face is classified correctly under another contract, bool (N,)."""
    if isinstance(inner, NetClassifier):
        answers = inner.outputs(images, contract)
    else:
        other = copy(inner)
        other.contract = contract
        answers = other.logits(images)
    right: np.ndarray = answers.argmax(axis=1) == labels
    return right


def _percent(right: np.ndarray) -> str:
    return f"{in_percent(right.mean())} %"
