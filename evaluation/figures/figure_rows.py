"""Collect rows of `results.csv`, one figure at a time.

Not here: which figures there are (`evaluation/figures/every_figure.py` and the modules it calls).
"""

from typing import Any

import numpy as np
import pandas as pd

from evaluation.figures.images import Strata
from evaluation.metrics.table import METRICS
from evaluation.results.schema import RESULT_COLUMNS
from evaluation.statistics.intervals import Interval, bootstrap_means


class Figures:
    """Collects rows of `results.csv` that share a run's split and seed."""

    def __init__(self, split: str, seed: int) -> None:
        self.seed = seed
        self._shared = {"split": split, "seed": seed}
        self._rows: list[dict[str, Any]] = []

    def add(
        self, key: dict[str, Any], subset: str, metric: str, value: Interval, detail: str = ""
    ) -> None:
        """Add one figure; `key` holds model, labels and perturbation.

        Raises:
            ValueError: the metric has no record in `METRICS`.
        """
        if metric not in METRICS:
            raise ValueError(
                f"`metric` must be in METRICS of evaluation/metrics/table.py. Received: {metric!r}"
            )
        self._rows.append(
            {
                **self._shared,
                **key,
                "subset": subset,
                "metric": metric,
                "detail": detail,
                "value": value.value,
                "ci_low": value.low,
                "ci_high": value.high,
                "n": value.n,
                "status": "ok",
            }
        )

    def add_means(
        self,
        key: dict[str, Any],
        strata: Strata,
        metric: str,
        values: np.ndarray,
        groups: np.ndarray | None,
    ) -> None:
        """Add the mean of the values float64 (N,) in each subset; NaN values are left out.

        The bootstrap draws `groups` (N,) as a whole, see `Images.groups`.
        """
        known = ~np.isnan(values)
        for subset, mask in strata:
            kept = values[mask & known][:, None]
            together = None if groups is None else groups[mask & known]
            value = bootstrap_means(kept, _first, seed=self.seed, groups=together)
            self.add(key, subset, metric, value)

    def frame(self) -> pd.DataFrame:
        """All rows, columns of `RESULT_COLUMNS`."""
        return pd.DataFrame(self._rows, columns=list(RESULT_COLUMNS)).astype(RESULT_COLUMNS)


def figure_key(model: str, label_set: str, **changes: Any) -> dict[str, Any]:
    """Identity of a figure, a clean one except for `changes`."""
    return {
        "model": model,
        "label_set": label_set,
        "attacked_labels": "",
        "perturbation": "none",
        "source": "",
        "norm": "",
        "eps": 0.0,
        "severity": pd.NA,
        **changes,
    }


def _first(means: np.ndarray) -> np.ndarray:
    return means[..., 0]
