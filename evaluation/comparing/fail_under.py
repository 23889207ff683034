"""`--fail-under "robust_accuracy@4/255=0.25"`: a minimum that makes a build fail."""

import math
from dataclasses import dataclass

import pandas as pd

from attacks.threat_model import format_eps, parse_eps
from datasets.base.errors import InputError
from evaluation.checks.rules import Rank, failed_rules
from evaluation.results.schema import WORST_CASE

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

    def missed(self, results: pd.DataFrame, checks: pd.DataFrame) -> list[str]:
        """A line of text per model and label set below the minimum or not measured, and per error.

        A figure that a failed check makes void holds no minimum, whatever its value.

        Args:
            results: rows of `results.parquet`.
            checks: rows of `checks.parquet`.
        """
        clean = _measured(results, "accuracy", 0.0)
        rows = _measured(results, self.metric, self.eps)
        found = set(zip(rows.model, rows.label_set, strict=True))
        lines = [
            f"{row.model} under {row.label_set} labels: {self.metric} {row.value:.4f} is below "
            f"{self.floor:g}"
            for row in rows.itertuples()
            if not row.value >= self.floor
        ]
        lines += [
            f"{row.model} under {row.label_set} labels: {self.metric} {row.value:.4f} is void, "
            f"{' and '.join(void)} failed"
            for row in rows.itertuples()
            if (void := failed_rules(checks, row.model, row.label_set, Rank.NONE))
        ]
        lines += [
            f"{row.model} under {row.label_set} labels: {self.metric} was not measured, no attack "
            "gave a figure"
            for row in clean.itertuples()
            if (row.model, row.label_set) not in found
        ]
        crashed = results[results.status == "error"]
        return lines + [
            f"{row.model} {row.perturbation}: failed, {row.detail}" for row in crashed.itertuples()
        ]


def _measured(results: pd.DataFrame, metric: str, eps: float) -> pd.DataFrame:
    """Clean accuracies, or robust accuracies of the worst case, over all images."""
    clean = metric == "accuracy"
    return results[
        (results.metric == metric)
        & (results.subset == "all")
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
