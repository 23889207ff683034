"""`--fail-under "robust_accuracy@4/255=0.25"`: a minimum that makes a build fail."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from attacks.threat_model import format_eps, parse_eps
from datasets.base.counted import counted
from datasets.base.errors import InputError
from evaluation.checks.rules import Rank, failed_rules
from evaluation.gates.case import Case, Outcome
from evaluation.results.schema import EVERY_ATTACK, WORST_CASE

_FORM = 'Write "robust_accuracy@4/255=0.25" or "accuracy=0.6"'
_METRICS = ("accuracy", "robust_accuracy")


@dataclass(frozen=True)
class Requirement:
    """A minimum for every model under every scored label set.

    Attributes:
        metric: `accuracy` (clean) or `robust_accuracy` (worst case over all attacks).
        eps: eps of the robust accuracy, 0 for clean.
        floor: in [0, 1].
    """

    metric: str
    eps: float
    floor: float

    @property
    def figure(self) -> str:
        """`accuracy` or `robust_accuracy@4/255`."""
        return self.metric + (f"@{format_eps(self.eps)}" if self.metric != "accuracy" else "")

    def check_grid(self, grid: tuple[float, ...]) -> None:
        """Refuse an eps that the run does not measure.

        Raises:
            InputError: not in the grid.
        """
        if self.metric != "accuracy" and not any(math.isclose(self.eps, eps) for eps in grid):
            raise InputError(
                f"--fail-under needs an eps of the grid {', '.join(map(format_eps, grid))}; "
                f"got {format_eps(self.eps)}."
            )

    def cases(
        self, results: pd.DataFrame, checks: pd.DataFrame, names: Mapping[str, str]
    ) -> Iterator[Case]:
        """One case per model and label set. A figure that a failed check makes void holds none.

        Args:
            results: rows of `results.parquet`.
            checks: rows of `checks.parquet`.
            names: names of label sets that are called after the data.
        """

        def case(row: Any, outcome: Outcome, message: str) -> Case:
            labels = names.get(row.label_set, row.label_set)
            requirement = f"{self.figure}={self.floor:g}"
            return Case(row.model, labels, requirement, outcome, f"{self.figure} {message}")

        rows = _measured(results, self.metric, self.eps)
        parts = _measured(results, self.metric, self.eps, EVERY_ATTACK)
        part = {(row.model, row.label_set): row for row in parts.itertuples()}
        for row in rows.itertuples():
            fewer = part.get((row.model, row.label_set))
            yield case(row, *self._judged(row, fewer, checks))
        found = set(zip(rows.model, rows.label_set, strict=True))
        for row in _measured(results, "accuracy", 0.0).itertuples():
            if (row.model, row.label_set) not in found:
                words = "was not measured, no attack gave a figure"
                yield case(row, Outcome.UNKNOWN, words)

    def _judged(self, row: Any, part: Any, checks: pd.DataFrame) -> tuple[Outcome, str]:
        """Judge a figure, and its `part` of the faces that every attack saw, if some did not.

        A slow attack may be limited to some faces, so that all of them together look better.
        """
        if math.isnan(row.value):
            return Outcome.UNKNOWN, "was measured on no face"
        figure = _words(row)
        if void := failed_rules(checks, row.model, row.label_set, Rank.NONE):
            return Outcome.UNKNOWN, f"{figure} is void, {' and '.join(void)} failed"
        flag = "" if row.status == "ok" else "; flagged"
        if doubts := failed_rules(checks, row.model, row.label_set, Rank.PROVISIONAL):
            flag += f"; {' and '.join(doubts)} failed, so robust accuracy may be too high"
        if row.value < self.floor:
            return Outcome.MISSED, f"{figure} is below {self.floor:g}{flag}"
        if part is not None and not math.isnan(part.value):
            flag += f"; {_words(part)} on those that every attack saw"
            if part.ci_high < self.floor:
                return Outcome.MISSED, f"{figure} is at least {self.floor:g}{flag}, which is below"
        return Outcome.HELD, f"{figure} is at least {self.floor:g}{flag}"


def judge(
    requirements: Sequence[Requirement],
    results: pd.DataFrame,
    checks: pd.DataFrame,
    names: Mapping[str, str],
) -> list[Case]:
    """Judge every requirement; an attack or corruption that crashed is a case of its own (R24).

    Args:
        requirements: none for no cases.
        results: rows of `results.parquet`.
        checks: rows of `checks.parquet`.
        names: names of label sets that are called after the data.
    """
    cases = [case for one in requirements for case in one.cases(results, checks, names)]
    crashed = results[(results.status == "error") & bool(requirements)]
    return cases + [
        Case(
            row.model,
            names.get(row.label_set, row.label_set),
            f"{row.perturbation} runs",
            Outcome.UNKNOWN,
            f"{row.perturbation} failed, {row.detail}",
        )
        for row in crashed.itertuples()
    ]


def _words(row: Any) -> str:
    faces = counted(row.n, "face")
    return f"{row.value:.4f} (95 % interval {row.ci_low:.4f} to {row.ci_high:.4f}, {faces})"


def _measured(results: pd.DataFrame, metric: str, eps: float, subset: str = "all") -> pd.DataFrame:
    """Clean accuracies, or robust accuracies of the worst case."""
    clean = metric == "accuracy"
    return results[
        (results.metric == metric)
        & (results.subset == subset)
        & (results.perturbation == ("none" if clean else WORST_CASE))
        & (results.attacked_labels == ("" if clean else results.label_set))
        & ((results.eps - eps).abs() < 1e-9)
    ]


def parse_requirement(text: str) -> Requirement:
    """Read `METRIC[@EPS]=FLOOR`.

    Raises:
        InputError: another form, metric, or a floor outside [0, 1].
    """
    name, equals, floor_text = text.partition("=")
    metric, at, eps_text = name.partition("@")
    if equals and metric not in _METRICS:
        raise InputError(
            f"--fail-under: the metric must be {' or '.join(_METRICS)}; got {metric!r}. {_FORM}."
        )
    if not equals:
        raise InputError(f"--fail-under must be METRIC[@EPS]=FLOOR; got {text!r}. {_FORM}.")
    if bool(at) != (metric == "robust_accuracy"):
        raise InputError(
            f"--fail-under: robust_accuracy needs @EPS, accuracy has none; got {text!r}."
        )
    try:
        floor = float(floor_text)
    except ValueError:
        floor = math.nan
    if not 0 <= floor <= 1:
        raise InputError(f"--fail-under: the floor must be in [0, 1]; got {floor_text!r}.")
    return Requirement(metric, parse_eps(eps_text) if at else 0.0, floor)
