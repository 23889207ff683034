"""Find a model's contract from labelled faces: scaling, class order, kind of output.

Every known scaling is tried; under each the class order is the best assignment of the confusion
matrix (Hungarian method), unless the contract names the classes. How a scaling is compared with the
others is in `fer_models/foreign/probe_trial.py`. Where two are close, the mirrored faces are asked
about too, unless the model is worse at them: the mean of two views of a face is less noisy.

Scalings with equal outputs are a tie, and either one will do. Rare ones must be clearly better to
be taken, and are named when they are not excluded. One whose pixels the model refuses is not that
of the model. An order counts as found when nearly all resamples of the faces give it. Otherwise the
probe refuses, and so it does when faces prepared in a way that no contract can express are
classified better.
"""

from collections.abc import Callable

import numpy as np

from datasets.base.errors import InputError
from datasets.base.percentages import in_percent
from datasets.labels import LabelScheme
from fer_models.classifier import ModelError
from fer_models.contract import Contract, Output
from fer_models.foreign.class_order import match_scheme
from fer_models.foreign.contract_file import NOTHING_KNOWN, ContractFile, PartialContract
from fer_models.foreign.probe_report import Finding
from fer_models.foreign.probe_timing import TIMED, ProbeTiming
from fer_models.foreign.probe_trial import (
    CLEARLY,
    Rival,
    Trial,
    compare,
    is_tie,
    sureness,
    tells,
    try_scaling,
)
from fer_models.foreign.raw_model import RawModel, are_probabilities, are_some_probabilities
from fer_models.foreign.scaling_fit import MOST_CALLS, fit_scaling
from fer_models.foreign.scalings import STRANGERS, Scaling, known_scalings
from fer_models.foreign.size_and_classes import image_shape
from fer_models.pixels.in_numpy import fitted_images

_SURE = 0.9
_LEAST_ACCURACY = 0.35
_ORDER_ERRORS = 3.3
"""Standard errors by which another order of the classes must be better than that of the contract,
as for a p-value of 0.001: it is the best of many orders on the same faces."""


class UnsureError(InputError):
    """There were too few faces to tell; more may be enough."""


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
        self._scheme, self._shape = scheme, image_shape(raw, known)
        self._order = match_scheme(known.classes)[1] if known.classes else None
        own = [Scaling("of its contract", known.scaling or {})]
        usual = known_scalings(self._shape[2], raw.limits, raw.step)
        self._scalings = usual if known.scaling is None else own
        self._timing = ProbeTiming(raw, self._images_for(self._scalings[0])[:TIMED], tell)

    def find(self) -> Finding:
        """Try the scalings, fit, and raise where the faces do not decide."""
        tried = self._trials()
        self._refuse_order(tried)
        best, ties, rivals = _against_others(tried)
        if self._close(rivals):
            tried = self._mirrored_too(tried, best)
            best, ties, rivals = _against_others(tried)
        sure = self._sureness(best)
        self._refuse_weak(best)
        self._refuse_unsure(best, rivals, sure)
        best = self._in_first_view(best)
        fitted = None
        if self._known.scaling is None and len(ties) < len(tried) - 1:
            self._refuse_strangers(best)
            if not ties:  # with a tie, other values of black and white change nothing
                best, fitted = self._fit(best)
        return Finding(
            self._file(best),
            best.scaling.words,
            best.accuracy,
            tuple(rivals),
            tuple(tie.scaling.words for tie in ties),
            fitted,
            sure,
            len(self._labels),
            self._left_over(best),
        )

    def _trials(self) -> list[Trial]:
        """Every scaling whose pixels the model takes.

        Raises:
            ModelError: it takes those of no usual one.
        """
        count = len(self._scalings)
        words = f"tries {count} scalings" if count > 1 else "asks in the scaling of the contract"
        self._timing.announce(words, count * len(self._images))
        tried: list[Trial] = []
        refused: list[ModelError] = []
        for scaling in self._scalings:
            try:
                tried.append(self._trial(scaling, self._images_for(scaling)))
            except ModelError as error:
                refused.append(error)
        if all(trial.scaling.rare for trial in tried):
            raise refused[0]
        return tried

    def _mirrored_too(self, tried: list[Trial], best: Trial) -> list[Trial]:
        """The same trials on both views of each face; unchanged where the mirrored ones mislead."""
        words = f"asks about the mirrored faces too, in {len(tried)} scalings"
        self._timing.announce(words, len(tried) * len(self._images))
        mirrored = {}
        for trial in sorted(tried, key=lambda each: each is not best):
            inputs = self._images_for(trial.scaling, _mirrored)
            mirrored[trial.scaling.words] = self._trial(trial.scaling, inputs)
            if trial is best and compare(best, mirrored[best.scaling.words]).is_less_accurate:
                return tried
        return [self._both_views(each, mirrored[each.scaling.words]) for each in tried]

    def _both_views(self, one: Trial, other: Trial) -> Trial:
        outputs = np.concatenate([one.outputs, other.outputs])
        return self._scored(one.scaling, outputs, self._order)

    def _images_for(
        self, scaling: Scaling, prepare: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> np.ndarray:
        """Inputs of the model under a scaling, float32 (N, h, w, c)."""
        images = prepare(self._images).astype(np.float32) if prepare else self._images
        contract = self._contract(scaling)
        return fitted_images(images, contract)

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

    def _trial(self, scaling: Scaling, inputs: np.ndarray) -> Trial:
        return self._scored(scaling, self._timing.ask(inputs), self._order)

    def _scored(self, scaling: Scaling, outputs: np.ndarray, order: list[int] | None) -> Trial:
        return try_scaling(scaling, outputs, self._labels, self._logits(outputs), order)

    def _in_first_view(self, trial: Trial) -> Trial:
        """The same trial without the mirrored faces."""
        outputs = trial.outputs[: len(self._labels)]
        return self._scored(trial.scaling, outputs, trial.order.tolist())

    def _logits(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs as logits, float64 (N, K)."""
        if self._kind(outputs) is Output.LOGITS or self._raw.softmax_removed:
            return outputs
        logits: np.ndarray = np.log(np.maximum(outputs, 1e-30))
        return logits

    def _sureness(self, best: Trial) -> np.ndarray:
        """Share of resamples of the faces that assign each class the same output."""
        if self._order is not None:
            return np.ones(self._scheme.num_classes)
        return sureness(best, self._labels)

    def _left_over(self, best: Trial) -> str:
        """The class that has its output because the others have theirs; empty where none has."""
        is_told = tells(best.outputs.argmax(axis=1), self._labels, best.order)
        names = [name for name, told in zip(self._scheme.classes, is_told) if not told]
        return names[0] if names and self._order is None else ""

    def _refuse_weak(self, best: Trial) -> None:
        if best.accuracy < _LEAST_ACCURACY and None in (self._known.classes, self._known.scaling):
            raise InputError(
                f"{self._raw.name}: no scaling classifies more than {in_percent(best.accuracy)} % "
                f"of the faces, balanced over classes, correctly ({best.scaling.words}); at least "
                f"{in_percent(_LEAST_ACCURACY)} % are needed. Tried: {self._tried()}. "
                "Write a contract."
            )

    def _refuse_order(self, tried: list[Trial]) -> None:
        """Refuse a contract whose order of classes no scaling makes up for.

        Under a wrong order the scalings are about equally bad, and would take the blame.
        """
        if self._order is None:
            return
        given = max(tried, key=lambda trial: trial.accuracy)
        other = _most_likely([self._scored(each.scaling, each.outputs, None) for each in tried])
        gain = compare(other, given)
        clear = gain.difference > _ORDER_ERRORS * gain.standard_error
        if clear and other.accuracy >= _LEAST_ACCURACY:
            found = [self._scheme.classes[place] for place in np.argsort(other.order)]
            raise InputError(
                f"{self._raw.name}: with the classes in the order of its contract "
                f"{in_percent(given.accuracy)} % of faces are classified correctly, "
                f"{in_percent(other.accuracy)} % in the order {', '.join(found)}. Correct its "
                "contract."
            )

    def _close(self, rivals: list[Rival]) -> list[Rival]:
        """Usual scalings that the best one is not clearly better than."""
        return [rival for rival in rivals if rival.errors <= self._errors and not rival.rare]

    def _refuse_unsure(self, best: Trial, rivals: list[Rival], sure: np.ndarray) -> None:
        if close := self._close(rivals):
            names = ", ".join(f"{r.words} ({in_percent(r.accuracy, 1)} %)" for r in close)
            raise UnsureError(
                f"{self._raw.name}: cannot tell the scaling {best.scaling.words} "
                f"({in_percent(best.accuracy, 1)} %) from {names} on {len(self._labels)} faces. "
                f"Tried: {self._tried()}. Give more faces or write a contract."
            )
        weakest = int(sure.argmin())
        if sure[weakest] < _SURE:
            raise UnsureError(
                f"{self._raw.name}: cannot tell which output is {self._scheme.classes[weakest]} "
                f"(sure in {in_percent(sure[weakest])} % of resamples). Give more faces or "
                "write a contract."
            )

    def _refuse_strangers(self, best: Trial) -> None:
        """Refuse when faces prepared as no contract can say are classified better."""
        count = len(STRANGERS)
        self._timing.announce(f"tries {count} other preparations", count * len(self._images))
        for stranger in STRANGERS:
            inputs = self._images_for(best.scaling, stranger.prepare)
            try:
                trial = self._trial(Scaling(stranger.words, {}), inputs)
            except ModelError:
                continue
            if compare(trial, best).is_less_accurate:
                raise InputError(
                    f"{self._raw.name}: classifies {in_percent(trial.accuracy, 1)} % of faces "
                    f"correctly with {stranger.words}, {in_percent(best.accuracy, 1)} % with the "
                    f"best scaling that a contract can say ({best.scaling.words}). Put that step "
                    "into the model, or name code that does it: module:callable."
                )

    def _fit(self, best: Trial) -> tuple[Trial, tuple[str, str] | None]:
        """Fit black and white; take the fit where it is clearly better than the known scaling."""
        inputs = self._images_for(best.scaling)
        self._timing.announce("fits black and white", (MOST_CALLS + 1) * len(inputs))

        def logits_of(part: np.ndarray) -> np.ndarray:
            return self._logits(self._timing.ask(part))[:, best.order]

        try:
            fit = fit_scaling(inputs, self._labels, logits_of)
        except ModelError:  # it refuses the pixels of some place on the grid
            return best, None
        before = self._contract(best.scaling)
        black, white = fit.words(before)
        scaling = Scaling(
            f"black {black}, white {white} (fitted; no usual scaling)",
            {**best.scaling.fields, **fit.fields(before)},
        )
        trial = self._trial(scaling, self._images_for(scaling))
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
        judge = are_probabilities if self._known.columns is None else are_some_probabilities
        soft = self._raw.softmax_removed or judge(outputs)
        return Output.PROBABILITIES if soft else Output.LOGITS

    def _tried(self) -> str:
        return "; ".join(scaling.words for scaling in self._scalings)


def _mirrored(images: np.ndarray) -> np.ndarray:
    return images[:, :, ::-1]


def _against_others(tried: list[Trial]) -> tuple[Trial, list[Trial], list[Rival]]:
    """The best scaling, those that tie with it, and the others, the closest first."""
    best = _most_likely(tried)
    ties = [t for t in tried if t is not best and is_tie(best, t)]
    others = [t for t in tried if t is not best and not any(t is tie for tie in ties)]
    return best, ties, sorted((compare(best, other) for other in others), key=lambda r: r.errors)


def _most_likely(tried: list[Trial]) -> Trial:
    """The usual scaling of lowest cross-entropy, or a rare one that is clearly better."""
    by_loss = sorted(tried, key=lambda trial: float(trial.losses.mean()))
    usual = next(trial for trial in by_loss if not trial.scaling.rare)
    lowest = by_loss[0] if compare(by_loss[0], usual).errors > CLEARLY else usual
    return next(trial for trial in tried if is_tie(lowest, trial))  # the first in the list
