"""The table printed after a run: clean and worst-case accuracy per model and label set."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from attacks.threat_model import format_eps
from datasets.base.percentages import in_percent
from evaluation.results.schema import WORST_CASE
from evaluation.text_table import FLAG, flag_lines, text_table


def summary_table(
    results: pd.DataFrame, eps: tuple[float, ...], label_names: Mapping[str, str] | None = None
) -> str:
    """Return the table as text.

    Args:
        results: rows of `results.parquet`.
        eps: eps values of the attacks.
        label_names: names of label sets that are called after the data.

    Returns:
        Lines of at most 160 characters, accuracies in percent with 95 % intervals; where a figure
        is flagged, a line says what the mark means.
    """
    rows = results[results.subset == "all"]
    clean = rows[(rows.perturbation == "none") & (rows.metric == "accuracy")]
    worst = rows[(rows.perturbation == WORST_CASE) & (rows.metric == "robust_accuracy")]
    worst = worst[worst.attacked_labels == worst.label_set]
    cells, names = [], label_names or {}
    for row in clean.itertuples():
        attacked = worst[(worst.model == row.model) & (worst.label_set == row.label_set)]
        shown = [row, *attacked.sort_values("eps").itertuples()]
        cells.append(
            [row.model, names.get(row.label_set, row.label_set), str(row.n), *map(percent, shown)]
        )
    title = "Accuracy, % (95 % interval): clean, and in the worst case over all attacks"
    head = ["model", "labels", "faces", "clean", *(f"at {format_eps(e)}" for e in eps)]
    table = text_table(title, head, cells, left=2)
    return "\n".join([table, *flag_lines(cells), *spread_lines(results, names)])


def spread_lines(results: pd.DataFrame, names: Mapping[str, str]) -> list[str]:
    """One line per model and label set of a run with `--seeds`: the spread of its worst case."""
    rows = results[
        (results.metric == "robust_accuracy_spread") & (results.perturbation == WORST_CASE)
    ]
    return [
        f"{row.model} under {names.get(row.label_set, row.label_set)} labels at "
        f"{format_eps(row.eps)}: {row.detail}"
        for row in rows.itertuples()
    ]


def percent(row: Any) -> str:
    """Value and interval of a row of results in percent; `-` for none, `!` if it is flagged."""
    flag = "" if row.status == "ok" else FLAG
    if pd.isna(row.value):
        return f"-{flag}"
    value, low, high = (in_percent(one, 1) for one in (row.value, row.ci_low, row.ci_high))
    return f"{value} ({low}-{high}){flag}"
