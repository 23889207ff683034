"""Selections of the rows of `results.csv` that evaluation and reports share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evaluation.results.column_codes import COPIES_ON_WRITE, has_any
from evaluation.results.schema import HEADLINE_EPS, NOT_APPLICABLE, WORST_CASE

LONG = 1000
"""Number of rows from which texts are looked up by number; of fewer it would take longer."""


def black_boxes(results: pd.DataFrame) -> set[str]:
    """Models without gradients: some attack of the run could not be made on them."""
    return set(results.loc[results["status"] == NOT_APPLICABLE, "model"])


def crashed(results: pd.DataFrame, label_set: str) -> set[str]:
    """Models on which an attack on a label set crashed: they have no rank under it (R24)."""
    failed = pick(results, status="error", metric="robust_accuracy", attacked_labels=label_set)
    return set(failed["model"])


def rankable(models: Iterable[str], upper_bounds: set[str], broken: set[str]) -> list[str]:
    """Models of one ranking: none that crashed, and upper bounds only if all figures are."""
    names = list(models)
    exact = [name for name in names if name not in upper_bounds]
    return [name for name in exact or names if name not in broken]


def headline_eps(grid: Sequence[float], norm: str) -> float:
    """The eps that a verdict is about; 0 where nothing above 0 is in the grid.

    4/255 in linf if the grid has it, else the largest below; elsewhere the largest.
    """
    above = [eps for eps in grid if eps > 0]
    if not above:
        return 0.0
    below = [eps for eps in above if norm != "linf" or eps <= HEADLINE_EPS + 1e-9]
    return max(below) if below else min(above)


def pick(results: pd.DataFrame, **conditions: Any) -> pd.DataFrame:
    """Rows where each column equals its value, or is one of its values; eps to within 1e-9."""
    keep = np.ones(len(results), dtype=bool)
    for column, wanted in conditions.items():
        values = results[column]
        several = isinstance(wanted, Sequence) and not isinstance(wanted, str)
        if column == "eps":
            keep &= np.isclose(values.to_numpy(), wanted, atol=1e-9, rtol=0)
        elif COPIES_ON_WRITE and len(results) >= LONG and values.dtype == "string":
            keep &= has_any(values, wanted if several else [wanted])
        elif several:
            keep &= values.isin(wanted).to_numpy(dtype=bool)
        else:
            keep &= (values == wanted).fillna(False).to_numpy(dtype=bool)
    return results[keep]


def clean_accuracy(results: pd.DataFrame, label_set: str) -> pd.DataFrame:
    """Clean accuracy rows of one label set, one per model."""
    return pick(results, label_set=label_set, subset="all", perturbation="none", metric="accuracy")


def attacks(results: pd.DataFrame, norm: str) -> list[str]:
    """Attacks in a norm, without noise and worst case, in the order of the rows."""
    rows = results[(results["norm"] == norm) & (results["metric"] == "robust_accuracy")]
    rows = rows[rows["status"] != NOT_APPLICABLE]
    return [name for name in rows["perturbation"].unique() if name not in ("noise", WORST_CASE)]


def has_best_known(results: pd.DataFrame) -> bool:
    """Whether attacks from outside were verified against a model of the run."""
    return bool((results["metric"] == "best_known_accuracy").any())


def robust_accuracy(
    results: pd.DataFrame, label_set: str, norm: str, perturbation: str = WORST_CASE
) -> pd.DataFrame:
    """Robust accuracy rows, scored and attacked under one label set, sorted by eps."""
    rows = pick(
        results,
        label_set=label_set,
        attacked_labels=label_set,
        subset="all",
        norm=norm,
        perturbation=perturbation,
        metric="robust_accuracy",
    )
    return rows.sort_values(["model", "eps"], kind="stable")


def in_steps(eps: float) -> str:
    """An eps of linf in steps of 8-bit images: `4/255`, `0.5/255`."""
    return f"{255 * eps:.4g}/255"


@dataclass(frozen=True)
class Headline:
    """The threat that a verdict is about: the per-image worst case at one norm and eps."""

    norm: str
    eps: float

    @property
    def text(self) -> str:
        """`4/255` for linf, as the page writes every eps; `L2 0.5` otherwise."""
        if self.norm == "linf":
            return in_steps(self.eps)
        return f"{self.norm.upper()} {self.eps:.3g}"


def headline(results: pd.DataFrame) -> Headline | None:
    """The worst case in linf, else in another norm, at its `headline_eps`; None without attacks."""
    rows = pick(results, perturbation=WORST_CASE, metric="robust_accuracy")
    rows = rows[rows["eps"] > 0]
    if rows.empty:
        return None
    norm = min(rows["norm"].unique(), key=lambda norm: (norm != "linf", norm))
    return Headline(norm, headline_eps(rows.loc[rows["norm"] == norm, "eps"].tolist(), norm))
