"""Selections of the rows of `results.csv` that evaluation and reports share."""

from collections.abc import Iterable, Sequence

import pandas as pd

from evaluation.results.schema import HEADLINE_EPS, NOT_APPLICABLE


def black_boxes(results: pd.DataFrame) -> set[str]:
    """Models that only give answers: some attack of the run could not be made on them."""
    return set(results.loc[results["status"] == NOT_APPLICABLE, "model"])


def crashed(results: pd.DataFrame) -> set[str]:
    """Models on which an attack crashed: their worst case lacks it, so no rank is theirs (R24)."""
    failed = (results["status"] == "error") & (results["metric"] == "robust_accuracy")
    return set(results.loc[failed, "model"])


def rankable(models: Iterable[str], upper_bounds: set[str], broken: set[str]) -> list[str]:
    """Those that share one ranking: not the broken, upper bounds only where all figures are."""
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
