"""Find a model's contract from labelled faces: scaling, class order, kind of output.

Each scaling is tried; under each the class order is the best assignment of the confusion matrix
(Hungarian method). A scaling counts as found when it beats the next one by two standard errors on
the same faces, an order when nearly all resamples of the faces give it; otherwise it refuses.
"""

from typing import NamedTuple

import numpy as np
from keras import ops
from scipy.optimize import linear_sum_assignment

from datasets.base.errors import InputError
from datasets.faceset import FaceSet
from datasets.labels import FER7, FERPLUS8, LabelScheme, LabelSet
from fer_models.contract import Contract, Output
from fer_models.foreign.contract_file import ContractFile
from fer_models.foreign.raw_model import RawModel, are_probabilities, ask, first_answers
from fer_models.keras_classifier import fit_to_contract

_IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
SCALINGS: dict[str, dict] = {
    "0 to 1": {},
    "-1 to 1": {"low": -1.0, "high": 1.0},
    "0 to 255": {"low": 0.0, "high": 255.0},
    "-0.5 to 0.5": {"low": -0.5, "high": 0.5},
    "ImageNet mean and std": _IMAGENET,
}
_RESAMPLES = 200
_SURE = 0.9
_LEAST_ACCURACY = 0.35
FACES = 400
"""Faces used by a probe."""


class UnsureError(InputError):
    """There were too few faces to tell; more may be enough."""


class Trial(NamedTuple):
    """One scaling: accuracy in [0, 1], right bool (N,), column of each class int (K,)."""

    scaling: str
    accuracy: float
    right: np.ndarray
    order: np.ndarray


class Finding(NamedTuple):
    """What the probe found.

    Attributes:
        file: the contract.
        scaling: in words.
        accuracy: on the faces with this contract, in [0, 1].
        runner_up: the next best scaling, and its accuracy.
        sureness: share of resamples that assign each class, in scheme order, the same output.
        faces: number of faces used.
    """

    file: ContractFile
    scaling: str
    accuracy: float
    runner_up: tuple[str, float]
    sureness: np.ndarray
    faces: int

    def lines(self, raw: RawModel, scheme: LabelScheme) -> list[str]:
        """What was found, as lines of text; arguments as given to `probe`."""
        second, accuracy = self.runner_up
        sure = dict(zip(scheme.classes, self.sureness))
        words = (f"{name} {100 * sure[name]:.0f} %" for name in self.file.classes)
        removed = "; its softmax is removed" if raw.softmax_removed else ""
        return [
            f"{raw.name}: {100 * self.accuracy:.1f} % of {self.faces} faces, balanced over classes",
            f"  size      {self.file.height}x{self.file.width}x{self.file.channels}",
            f"  scaling   {self.scaling} (next: {second}, {100 * accuracy:.1f} %)",
            f"  outputs   {', '.join(words)}",
            f"  kind      {self.file.output}{removed}",
        ]


def scheme_of(raw: RawModel) -> LabelScheme:
    """FER for seven outputs, FER+ for eight.

    Raises:
        InputError: another number, a size the file does not say, or no images.
    """
    if raw.shape is None:
        raise InputError(f"{raw.name}: the file does not say its image size. Write a contract.")
    if raw.shape[2] not in (1, 3):
        raise InputError(
            f"{raw.name}: must take images (height, width, 1 or 3); its file says {raw.shape}. "
            "Export it with channels last."
        )
    images = np.random.default_rng(0).random((2, *raw.shape), np.float32)
    count = first_answers(raw, images).shape[1]
    if count not in (7, 8):
        raise InputError(
            f"{raw.name}: the probe knows 7 or 8 classes; got {count} outputs. Write a contract."
        )
    return FER7 if count == 7 else FERPLUS8


def probe_on(raw: RawModel, faces: FaceSet, count: int = FACES) -> tuple[Finding, list[str]]:
    """Find the contract on labelled faces, balanced over classes.

    Args:
        raw: the opened model.
        faces: labelled under the label set of the model's classes.
        count: number of faces.

    Returns:
        What was found, and the same as lines of text.

    Raises:
        InputError: the faces lack these labels, or scaling or class order cannot be told.
    """
    scheme = scheme_of(raw)
    if scheme.name not in faces.label_sets:
        raise InputError(
            f"{raw.name}: has {scheme.num_classes} classes, and {faces.name} has no "
            f"{scheme.name} labels to find their order by. Write a contract."
        )
    labels = faces.labels(LabelSet(scheme.name)).values
    rows = _spread(labels, count, scheme.num_classes)
    images = faces.images[rows].astype(np.float32) / np.float32(255)
    found = probe(raw, images, labels[rows], scheme)
    return found, found.lines(raw, scheme)


def _spread(labels: np.ndarray, count: int, classes: int) -> np.ndarray:
    """About `count` rows, balanced over classes as far as there are enough."""
    rng = np.random.default_rng(0)
    each = -(-count // classes)
    rows = [rng.permutation(np.flatnonzero(labels == k))[:each] for k in range(classes)]
    return np.sort(np.concatenate(rows))


def probe(raw: RawModel, images: np.ndarray, labels: np.ndarray, scheme: LabelScheme) -> Finding:
    """Find the contract.

    Args:
        raw: the opened model.
        images: float32 (N, H, W, C) in [0, 1], about balanced over classes.
        labels: int64 (N,) in [0, K) of `scheme`.
        scheme: result of `scheme_of`.

    Raises:
        InputError: scaling or class order cannot be told.
    """
    assert raw.shape is not None
    height, width, channels = raw.shape
    trials, answers = [], {}
    for name, scaling in SCALINGS.items():
        if channels == 1 and len(scaling.get("mean", ())) == 3:
            continue
        inputs = fit_to_contract(
            ops.convert_to_tensor(images), Contract(height, width, channels, scheme, **scaling)
        )
        outputs = _in_batches(raw, np.asarray(inputs, np.float32))
        answers[name] = outputs
        trials.append(_trial(name, outputs.argmax(axis=1), labels, scheme.num_classes))
    best, second = sorted(trials, key=lambda trial: -trial.accuracy)[:2]
    predicted = answers[best.scaling].argmax(axis=1)
    sureness = _sureness(predicted, labels, best.order, scheme.num_classes)
    _refuse_when_unsure(raw.name, best, second, sureness, scheme)
    classes = [""] * scheme.num_classes
    for index, column in enumerate(best.order):
        classes[column] = scheme.classes[index]
    file = ContractFile(
        classes=tuple(classes),
        height=height,
        width=width,
        channels=1 if channels == 1 else 3,
        output=_output(raw, answers[best.scaling]),
        **SCALINGS[best.scaling],
    )
    runner_up = (second.scaling, second.accuracy)
    return Finding(file, best.scaling, best.accuracy, runner_up, sureness, len(labels))


def _in_batches(raw: RawModel, inputs: np.ndarray) -> np.ndarray:
    parts = [ask(raw, inputs[start : start + 64]) for start in range(0, len(inputs), 64)]
    return np.concatenate(parts).astype(np.float64)


def _trial(scaling: str, predicted: np.ndarray, labels: np.ndarray, count: int) -> Trial:
    order = _best_order(predicted, labels, count)
    right = predicted == order[labels]
    return Trial(scaling, float(right.mean()), right, order)


def _best_order(predicted: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """For each class the output that names it, by the assignment with most faces right."""
    confusion = np.zeros((count, count))
    np.add.at(confusion, (labels, predicted), 1)
    return linear_sum_assignment(confusion, maximize=True)[1]


def _sureness(
    predicted: np.ndarray, labels: np.ndarray, order: np.ndarray, count: int
) -> np.ndarray:
    rng = np.random.default_rng(0)
    same = np.zeros(count)
    for _ in range(_RESAMPLES):
        rows = rng.integers(0, len(labels), len(labels))
        same += _best_order(predicted[rows], labels[rows], count) == order
    return same / _RESAMPLES


def _refuse_when_unsure(
    name: str, best: Trial, second: Trial, sureness: np.ndarray, scheme: LabelScheme
) -> None:
    if best.accuracy < _LEAST_ACCURACY:
        raise InputError(
            f"{name}: no scaling classifies more than {100 * best.accuracy:.0f} % of faces "
            f"correctly ({best.scaling}); at least {100 * _LEAST_ACCURACY:.0f} % are needed. "
            "Write a contract."
        )
    gained = int((best.right & ~second.right).sum())
    lost = int((second.right & ~best.right).sum())
    if gained - lost <= 2 * np.sqrt(gained + lost):
        raise UnsureError(
            f"{name}: cannot tell the scaling {best.scaling} ({100 * best.accuracy:.1f} %) from "
            f"{second.scaling} ({100 * second.accuracy:.1f} %). "
            "Give more faces or write a contract."
        )
    weakest = int(sureness.argmin())
    if sureness[weakest] < _SURE:
        raise UnsureError(
            f"{name}: cannot tell which output is {scheme.classes[weakest]} (sure in "
            f"{100 * sureness[weakest]:.0f} % of resamples). Give more faces or write a contract."
        )


def _output(raw: RawModel, outputs: np.ndarray) -> Output:
    """Kind of output of the file; a softmax that was found is removed again on loading."""
    if raw.softmax_removed:
        return Output.PROBABILITIES
    return Output.PROBABILITIES if are_probabilities(outputs) else Output.LOGITS
