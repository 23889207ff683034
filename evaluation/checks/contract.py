"""R25: does the contract describe the model's classes and scaling correctly?

On clean faces, the best assignment of outputs to classes and other known scalings are compared with
the contract (exact McNemar test on the same faces, equal ones count once). Not here: finding a
contract, see `fer_models/foreign/contract_probe.py`.
"""

from contextlib import suppress
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.stats import binom

from datasets.base.percentages import in_percent
from datasets.faceset import FaceSet
from datasets.image_source import ImageSource
from datasets.labels import LabelScheme
from evaluation.checks.rules import Check, check
from evaluation.statistics.paired import mcnemar
from fer_models.classifier import BATCH_SIZE, Classifier, ModelError, slices
from fer_models.contract import Contract
from fer_models.foreign.probe_trial import best_order
from fer_models.foreign.scalings import Scaling, known_scalings
from fer_models.net_classifier import NetClassifier
from fer_models.services.classifier import service_of
from fer_models.wrapped_classifier import innermost
from fer_models.zoo import shipped_id

FACES = 500
"""Maximum number of faces on which other scalings are tried."""
SIGNIFICANT = 0.001
"""P-value below which another contract is better; the assignment is chosen on the same faces."""
_LEAST_CHANGED = 11
"""Faces that must all change for the better to be significant: 2 / 2^11 < 0.001."""
BELIEVABLE = 0.35
"""Accuracy from which another scaling with another order of the classes is taken seriously."""
_UNSCALED: dict[str, Any] = {"low": 0.0, "high": 1.0, "mean": (0.0,), "std": (1.0,), "steps": ()}


def labels_in(scheme: LabelScheme, faces: FaceSet) -> np.ndarray:
    """Labels of N faces in a model's classes, int64 (N,), -1 where there is none.

    They are those of the model's own label set, or the faces' other labels where no face has one.
    """
    own_first = sorted(faces.label_sets, key=lambda each: each is not scheme.label_set)
    found = [faces.labels(label_set).to(scheme).values for label_set in own_first]
    return next((labels for labels in found if (labels >= 0).any()), found[0])


def contract_checks(
    classifier: Classifier,
    images: ImageSource,
    logits: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
) -> list[Check]:
    """Check the class order of any model, and the scaling of a foreign one.

    Answers to wrongly scaled pixels often fit another order better too, and the other way round. So
    the one that explains more errors is named first, and the other is tried with that one
    corrected. Where neither helps alone, both are corrected together.

    Args:
        classifier: the model.
        images: float32 (N, H, W, C) in [0, 1].
        logits: its logits, float32 (N, K).
        labels: int64 (N,) in the model's classes, -1 where there is none, see `labels_in`.
        groups: int64 (N,), the same number for near duplicates, which count once.
    """
    rows = np.flatnonzero(labels >= 0)
    if not len(rows):
        return [_not_made(classifier)]
    logits, labels, groups = logits[rows], labels[rows], groups[rows]
    order = order_check(classifier, logits, labels, groups)
    inner = innermost(classifier)
    if not isinstance(getattr(inner, "contract", None), Contract) or service_of(inner):
        return [order]  # a service scales by itself
    if shipped_id(inner.weights_sha256):
        return [order]
    few = slice(FACES)
    asked = _Scalings(classifier.id, inner, images[rows[few]], labels[few], groups[few])
    scaling, answers = asked.check()
    if order["status"] == scaling["status"] == "ok":
        if (reading := asked.best_reading()) is None:
            return [order, scaling]
        answers, corrected = reading
        scaling, _ = asked.check(corrected)
    elif order["status"] != "ok" and (
        scaling["status"] == "ok" or order["value"] > scaling["value"]
    ):
        corrected = best_order(logits.argmax(axis=1), labels, classifier.scheme.num_classes)
        return [order, asked.check(corrected)[0]]
    scaled = ", both with the better scaling"
    return [order_check(classifier, answers, labels[few], groups[few], scaled), scaling]


def _not_made(classifier: Classifier) -> Check:
    """R25 where nothing can be compared: its outcome is unknown, as after a failed check."""
    words = (
        "No face has a label in the model's classes, so neither their order nor the scaling was "
        "checked."
    )
    found = check(classifier.id, "R25", "class order", True, np.nan, SIGNIFICANT, words)
    return found | {"status": "error"}


def order_check(
    classifier: Classifier,
    logits: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    both: str = "",
) -> Check:
    """R25: whether another order of the classes classifies significantly more faces correctly.

    Args:
        classifier: the model.
        logits: of N faces, float32 (N, K).
        labels: int64 (N,) in the model's classes.
        groups: int64 (N,), the same number for near duplicates.
        both: what the message adds about both orders.
    """
    predicted, classes = logits.argmax(axis=1), classifier.scheme.classes
    order = best_order(predicted, labels, len(classes))
    given, other = predicted == labels, predicted == order[labels]
    test = mcnemar(other, given, groups)
    wrong = test.difference > 0 and test.p_value < SIGNIFICANT
    names = [""] * len(classes)
    for index, column in enumerate(order):
        names[column] = classes[index]
    moved = [f"{a} is {b}" for a, b in zip(classes, names) if a != b]
    words = "No other order of the classes classifies clearly more faces correctly."
    if wrong:
        words = (
            f"Another order of the classes classifies {_percent(other)} of {len(labels)} faces "
            f"correctly, the order in its contract {_percent(given)}{both}: what it "
            f"calls {', '.join(moved)}. Correct the order of the classes."
        )
    return check(classifier.id, "R25", "class order", wrong, test.difference, SIGNIFICANT, words)


class _Scalings:
    """A model that is asked about the same N faces under other scalings.

    Args:
        name: id of the model.
        inner: what answers, with a contract.
        images: float32 (N, H, W, C) in [0, 1].
        labels: int64 (N,) in the model's classes.
        groups: int64 (N,), the same number for near duplicates.
    """

    def __init__(
        self, name: str, inner: Any, images: np.ndarray, labels: np.ndarray, groups: np.ndarray
    ) -> None:
        self._name, self._labels, self._groups = name, labels, groups
        self._given = _answers(inner, inner.contract, images)
        self._others: list[tuple[Scaling, np.ndarray]] = []
        usual_first = sorted(known_scalings(inner.contract.channels), key=lambda each: each.rare)
        for scaling in usual_first:
            other = replace(inner.contract, **_UNSCALED | scaling.fields)
            if other == inner.contract:
                continue
            with suppress(ModelError):  # it refuses such pixels, so was not trained on them
                self._others.append((scaling, _answers(inner, other, images)))

    def check(self, order: np.ndarray | None = None) -> tuple[Check, np.ndarray]:
        """R25: whether another scaling classifies significantly more faces correctly.

        A rare one is named where it is significantly better than the usual ones, too.

        Args:
            order: output of each class, int (K,); that of the contract when None.

        Returns:
            The check, and the answers (N, K) under the best scaling.
        """
        labels = self._labels if order is None else order[self._labels]
        given = self._given.argmax(axis=1) == labels
        most, name, best = given, "", self._given
        closest, gain = given, -np.inf
        for scaling, answers in self._others:
            right = answers.argmax(axis=1) == labels
            test = mcnemar(right, given, self._groups)
            than_most = mcnemar(right, most, self._groups)
            clearly = than_most.p_value < SIGNIFICANT or not scaling.rare
            if test.p_value < SIGNIFICANT and than_most.difference > 0 and clearly:
                most, name, best = right, scaling.words, answers
            if test.difference > gain:
                closest, gain = right, test.difference
        said = (
            f"No other known scaling classifies clearly more of {len(labels)} faces correctly; "
            f"{_noticeable(closest, given, self._groups)}."
        )
        if name:
            gain = float(most.mean() - given.mean())
            both = "" if order is None else ", both in the better order of the classes"
            said = (
                f"With pixels scaled {name} it classifies {_percent(most)} of {len(labels)} faces "
                f"correctly, with the scaling of its contract {_percent(given)}{both}. Correct the "
                "contract: in this run the model was given wrongly scaled pixels."
            )
        gain = gain if self._others else 0.0
        found = check(self._name, "R25", "scaling", bool(name), gain, SIGNIFICANT, said)
        return found, best

    def best_reading(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Answers (N, K) under another scaling and the output of each class, int (K,).

        None where no scaling together with an order is significantly better than the contract, or
        none makes the model better than a guess.
        """
        readings = [
            (answers, best_order(answers.argmax(axis=1), self._labels, answers.shape[1]))
            for _, answers in self._others
        ]
        if not readings:
            return None
        answers, order = max(readings, key=lambda reading: self._right(*reading).sum())
        right = self._right(answers, order)
        given = self._given.argmax(axis=1) == self._labels
        test = mcnemar(right, given, self._groups)
        better = test.difference > 0 and test.p_value < SIGNIFICANT
        return (answers, order) if better and right.mean() >= BELIEVABLE else None

    def _right(self, answers: np.ndarray, order: np.ndarray) -> np.ndarray:
        right: np.ndarray = answers.argmax(axis=1) == order[self._labels]
        return right


def _answers(inner: Any, contract: Contract, images: np.ndarray) -> np.ndarray:
    """What a model answers under another contract, (N, K)."""
    if isinstance(inner, NetClassifier):
        parts = [inner.outputs(images[p], contract) for p in slices(len(images), BATCH_SIZE)]
        return np.concatenate(parts)
    other = copy(inner)
    other.contract = contract
    answers: np.ndarray = other.logits(images)
    return answers


def _noticeable(right: np.ndarray, given: np.ndarray, groups: np.ndarray) -> str:
    """The smallest gain that is significant where as many different faces change, in words."""
    _, different = np.unique(groups, return_index=True)
    changed = max(int((right != given)[different].sum()), _LEAST_CHANGED)
    better = int(binom.isf(SIGNIFICANT / 2, changed, 0.5)) + 1
    least = (2 * better - changed) / len(different)
    if least > 1:
        return "no gain would have been noticed on so few"
    return f"a gain of {in_percent(least, 1)} points would have been noticed"


def _percent(right: np.ndarray) -> str:
    return f"{in_percent(right.mean())} %"
