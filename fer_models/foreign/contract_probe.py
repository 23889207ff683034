"""Find a model's contract from labelled faces: scaling, class order, kind of output.

Every known scaling is tried; under each the class order is the best assignment of the confusion
matrix (Hungarian method), unless the contract names the classes. How a scaling is held against the
others is in `fer_models/foreign/probe_trial.py`; those with equal outputs are a tie, and either one
will do. Rare ones must be clearly better to be taken, and are named when they are not excluded. An
order counts as found when nearly all resamples of the faces give it. Otherwise the probe refuses,
and so it does when faces prepared in a way that no contract can express are classified better.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from keras import ops

from datasets.base.errors import InputError
from datasets.faceset import FaceSet
from datasets.labels import FER7, FERPLUS8, LabelScheme, LabelSet
from fer_models.contract import Contract, Output
from fer_models.foreign.contract_file import ContractFile, PartialContract, match_scheme
from fer_models.foreign.probe_report import Finding
from fer_models.foreign.probe_timing import ProbeTiming
from fer_models.foreign.probe_trial import (
    CLEARLY,
    Rival,
    Trial,
    best_order,
    compare,
    is_tie,
    try_scaling,
)
from fer_models.foreign.raw_model import RawModel, are_probabilities, first_answers
from fer_models.foreign.scaling_fit import fit_scaling
from fer_models.foreign.scalings import STRANGERS, Scaling, known_scalings
from fer_models.keras_classifier import fit_to_contract

_RESAMPLES = 200
_SURE = 0.9
_LEAST_ACCURACY = 0.35
FACES = 400
"""Faces used by a probe."""
NOTHING_KNOWN = PartialContract()


class UnsureError(InputError):
    """There were too few faces to tell; more may be enough."""


def scheme_of(raw: RawModel, known: PartialContract = NOTHING_KNOWN) -> LabelScheme:
    """The classes that the contract names, else FER for seven outputs, FER+ for eight.

    Raises:
        InputError: another number, other classes, a size the file does not say, or no images.
    """
    shape = _shape(raw, known)
    if shape[2] not in (1, 3):
        raise InputError(
            f"{raw.name}: must take images (height, width, 1 or 3); its file says {raw.shape}. "
            "Export it with channels last."
        )
    images = np.random.default_rng(0).random((2, *shape), np.float32)
    count = first_answers(raw, images).shape[1]
    if known.classes is not None:
        scheme, _ = match_scheme(known.classes)
        if scheme.num_classes != count or scheme.label_set is None:
            raise InputError(
                f"{raw.name}: has {count} outputs, so its contract must name {count} classes, "
                f"emotions among them; got {', '.join(known.classes)}. Correct them."
            )
        return scheme
    if count not in (7, 8):
        raise InputError(
            f"{raw.name}: the probe knows 7 or 8 classes; got {count} outputs. Write a contract."
        )
    return FER7 if count == 7 else FERPLUS8


def _shape(raw: RawModel, known: PartialContract) -> tuple[int, int, int]:
    """Size of the images: of the model's file, else of the contract."""
    if raw.shape is not None:
        return raw.shape
    height, width, channels = known.height, known.width, known.channels
    if height is None or width is None or channels is None:
        raise InputError(f"{raw.name}: the file does not say its image size. Write a contract.")
    return height, width, channels


def probe_on(
    raw: RawModel,
    faces: FaceSet,
    count: int = FACES,
    known: PartialContract = NOTHING_KNOWN,
    tell: Callable[[str], object] = lambda _: None,
    errors: float = CLEARLY,
) -> tuple[Finding, list[str]]:
    """Find the contract on labelled faces, balanced over classes.

    Args:
        raw: the opened model.
        faces: labelled under the label set of the model's classes.
        count: number of faces.
        known: what the model's contract says already.
        tell: called with the time estimate and the progress, as lines of text.
        errors: standard errors by which the best scaling must be better than the others.

    Returns:
        What was found, and the same as lines of text.

    Raises:
        InputError: the faces lack these labels, or scaling or class order cannot be told.
    """
    scheme = scheme_of(raw, known)
    if scheme.label_set not in faces.label_sets:
        raise InputError(
            f"{raw.name}: has {scheme.num_classes} classes, and {faces.name} has no "
            f"{scheme.label_set} labels to find their order by. Write a contract."
        )
    labels = faces.labels(LabelSet(str(scheme.label_set))).to(scheme).values
    rows = _spread(labels, count, scheme.num_classes)
    images = faces.images[rows].astype(np.float32) / np.float32(255)
    found = probe(raw, images, labels[rows], scheme, known, tell, errors)
    return found, found.lines(raw, scheme)


def _spread(labels: np.ndarray, count: int, classes: int) -> np.ndarray:
    """About `count` rows, balanced over classes as far as there are enough."""
    rng = np.random.default_rng(0)
    each = -(-count // classes)
    rows = [rng.permutation(np.flatnonzero(labels == k))[:each] for k in range(classes)]
    return np.sort(np.concatenate(rows))


def probe(
    raw: RawModel,
    images: np.ndarray,
    labels: np.ndarray,
    scheme: LabelScheme,
    known: PartialContract = NOTHING_KNOWN,
    tell: Callable[[str], object] = lambda _: None,
    errors: float = CLEARLY,
) -> Finding:
    """Find the contract.

    Args:
        raw: the opened model.
        images: float32 (N, H, W, C) in [0, 1], about balanced over classes.
        labels: int64 (N,) in [0, K) of `scheme`.
        scheme: result of `scheme_of`.
        known: what the model's contract says already.
        tell: called with the time estimate and the progress, as lines of text.
        errors: standard errors by which the best scaling must be better than the others.

    Raises:
        InputError: scaling or class order cannot be told.
    """
    return _Probe(raw, images, labels, scheme, known, tell, errors).find()


class _Probe:
    """One probe; arguments as for `probe`."""

    def __init__(
        self,
        raw: RawModel,
        images: np.ndarray,
        labels: np.ndarray,
        scheme: LabelScheme,
        known: PartialContract,
        tell: Callable[[str], object],
        errors: float,
    ) -> None:
        self._errors = errors
        self._raw, self._images, self._labels, self._known = raw, images, labels, known
        self._scheme, self._shape = scheme, _shape(raw, known)
        self._order = match_scheme(known.classes)[1] if known.classes else None
        given = known.scaling
        self._scalings = (
            known_scalings(self._shape[2]) if given is None else [Scaling("as given", given)]
        )
        self._timing = ProbeTiming(raw, self._images_for(self._scalings[0])[:2], len(images), tell)

    def find(self) -> Finding:
        """Try the scalings, fit, and refuse what cannot be told."""
        trials = self._timing.over(
            [(s.words, partial(self._images_for, s)) for s in self._scalings]
        )
        tried = [self._trial(s, outputs) for s, outputs in zip(self._scalings, trials)]
        best = _most_likely(tried)
        ties = [t for t in tried if t is not best and is_tie(best, t)]
        others = [t for t in tried if t is not best and not any(t is tie for tie in ties)]
        rivals = sorted((compare(best, other) for other in others), key=lambda r: r.errors)
        sureness = self._sureness(best)
        self._refuse_weak(best)
        self._refuse_unsure(best, rivals, sureness)
        fitted = None
        if self._known.scaling is None and len(ties) < len(tried) - 1:
            self._refuse_strangers(best)
            best, fitted = self._fit(best)
        return Finding(
            self._file(best),
            best.scaling.words,
            best.accuracy,
            tuple(rivals),
            tuple(tie.scaling.words for tie in ties),
            fitted,
            sureness,
            len(self._labels),
        )

    def _images_for(
        self, scaling: Scaling, prepare: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> np.ndarray:
        """Inputs of the model under a scaling, float32 (N, h, w, c)."""
        images = prepare(self._images).astype(np.float32) if prepare else self._images
        contract = self._contract(scaling)
        inputs = fit_to_contract(ops.convert_to_tensor(images), contract)
        return np.asarray(inputs, np.float32)

    def _contract(self, scaling: Scaling) -> Contract:
        height, width, channels = self._shape
        file = ContractFile(
            classes=self._scheme.classes,
            height=height,
            width=width,
            channels=1 if channels == 1 else 3,
            **scaling.fields,
            **self._known.kept,
        )
        return file.contract()[0]

    def _trial(self, scaling: Scaling, outputs: np.ndarray) -> Trial:
        return try_scaling(scaling, outputs, self._labels, self._logits(outputs), self._order)

    def _logits(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs as logits, float64 (N, K)."""
        if self._kind(outputs) is Output.LOGITS or self._raw.softmax_removed:
            return outputs
        logits: np.ndarray = np.log(np.maximum(outputs, 1e-30))
        return logits

    def _sureness(self, best: Trial) -> np.ndarray:
        """Share of resamples of the faces that assign each class the same output."""
        count, labels = self._scheme.num_classes, self._labels
        if self._order is not None:
            return np.ones(count)
        predicted, rng = best.outputs.argmax(axis=1), np.random.default_rng(0)
        same = np.zeros(count)
        for _ in range(_RESAMPLES):
            rows = rng.integers(0, len(labels), len(labels))
            same += best_order(predicted[rows], labels[rows], count) == best.order
        return same / _RESAMPLES

    def _refuse_weak(self, best: Trial) -> None:
        if best.accuracy < _LEAST_ACCURACY:
            raise InputError(
                f"{self._raw.name}: no scaling classifies more than {100 * best.accuracy:.0f} % of "
                f"faces correctly ({best.scaling.words}); at least {100 * _LEAST_ACCURACY:.0f} % "
                f"are needed. Tried: {self._tried()}. Write a contract."
            )

    def _refuse_unsure(self, best: Trial, rivals: list[Rival], sureness: np.ndarray) -> None:
        close = [rival for rival in rivals if rival.errors <= self._errors and not rival.rare]
        if close:
            names = ", ".join(f"{r.words} ({100 * r.accuracy:.1f} %)" for r in close)
            raise UnsureError(
                f"{self._raw.name}: cannot tell the scaling {best.scaling.words} "
                f"({100 * best.accuracy:.1f} %) from {names} on {len(self._labels)} faces. Tried: "
                f"{self._tried()}. Give more faces or write a contract."
            )
        weakest = int(sureness.argmin())
        if sureness[weakest] < _SURE:
            raise UnsureError(
                f"{self._raw.name}: cannot tell which output is {self._scheme.classes[weakest]} "
                f"(sure in {100 * sureness[weakest]:.0f} % of resamples). Give more faces or write "
                "a contract."
            )

    def _refuse_strangers(self, best: Trial) -> None:
        """Refuse when faces prepared as no contract can say are classified better."""
        asked = [(s.words, partial(self._images_for, best.scaling, s.prepare)) for s in STRANGERS]
        for (words, _), outputs in zip(asked, self._timing.over(asked)):
            trial = self._trial(Scaling(words, {}), outputs)
            if compare(trial, best).is_less_accurate:
                raise InputError(
                    f"{self._raw.name}: classifies {100 * trial.accuracy:.1f} % of faces correctly "
                    f"with {words}, {100 * best.accuracy:.1f} % with the best scaling that a "
                    f"contract can say ({best.scaling.words}). Put that step into the model, or "
                    "name code that does it: module:callable."
                )

    def _fit(self, best: Trial) -> tuple[Trial, tuple[str, str]]:
        """Fit black and white; take the fit where it is clearly better than the known scaling."""
        inputs = self._images_for(best.scaling)

        def logits_of(part: np.ndarray) -> np.ndarray:
            return self._logits(self._timing.ask(part))[:, best.order]

        fit = fit_scaling(inputs, self._labels, logits_of)
        before = self._contract(best.scaling)
        black, white = fit.words(before)
        scaling = Scaling(
            f"black {black}, white {white} (fitted; no usual scaling)",
            {**best.scaling.fields, **fit.fields(before)},
        )
        trial = self._trial(scaling, self._timing.ask(self._images_for(scaling)))
        return (trial if compare(trial, best).is_less_accurate else best), (black, white)

    def _file(self, best: Trial) -> ContractFile:
        classes = [""] * self._scheme.num_classes
        for index, column in enumerate(best.order):
            classes[column] = self._scheme.classes[index]
        height, width, channels = self._shape
        return ContractFile(
            classes=self._known.classes or tuple(classes),
            height=height,
            width=width,
            channels=1 if channels == 1 else 3,
            output=self._known.output or self._kind(best.outputs),
            **best.scaling.fields,
            **self._known.kept,
        )

    def _kind(self, outputs: np.ndarray) -> Output:
        """Kind of output of the file; a softmax that was found is removed again on loading."""
        is_part = self._known.columns is not None
        soft = self._raw.softmax_removed or are_probabilities(outputs, is_part)
        return Output.PROBABILITIES if soft else Output.LOGITS

    def _tried(self) -> str:
        return "; ".join(scaling.words for scaling in self._scalings)


def _most_likely(tried: list[Trial]) -> Trial:
    """The usual scaling of lowest cross-entropy, or a rare one that is clearly better."""
    by_loss = sorted(tried, key=lambda trial: float(trial.losses.mean()))
    usual = next(trial for trial in by_loss if not trial.scaling.rare)
    lowest = by_loss[0] if compare(by_loss[0], usual).errors > CLEARLY else usual
    return next(trial for trial in tried if is_tie(lowest, trial))  # the first in the list
