"""The table printed after a run: clean and worst-case accuracy per model and label set."""

from collections.abc import Container, Mapping
from typing import Any

import pandas as pd

from attacks.threat_model import format_eps
from datasets.base.percentages import share_in_percent
from evaluation.results.schema import WORST_CASE
from evaluation.text_table import BOUND, FLAG, bound_lines, flag_lines, text_table


def summary_table(
    results: pd.DataFrame,
    eps: tuple[float, ...],
    label_names: Mapping[str, str] | None = None,
    black_boxes: Container[str] = (),
) -> str:
    """Return the table as text.

    Args:
        results: rows of `results.parquet`.
        eps: eps values of the attacks.
        label_names: names of label sets that are called after the data.
        black_boxes: models whose robust accuracy is an upper bound, `FinishedRun.black_boxes`.

    Returns:
        Lines of at most 160 characters, accuracies in percent with 95 % intervals; where a figure
        is flagged or an upper bound, a line says what the mark means.
    """
    rows = results[results.subset == "all"]
    clean = rows[(rows.perturbation == "none") & (rows.metric == "accuracy")]
    worst = rows[(rows.perturbation == WORST_CASE) & (rows.metric == "robust_accuracy")]
    worst = worst[worst.attacked_labels == worst.label_set]
    cells, names = [], label_names or {}
    for row in clean.itertuples():
        attacked = worst[(worst.model == row.model) & (worst.label_set == row.label_set)]
        limit = BOUND if row.model in black_boxes else ""
        robust = [percent(one, limit) for one in attacked.sort_values("eps").itertuples()]
        labels = names.get(row.label_set, row.label_set)
        cells.append([row.model, labels, str(row.n), percent(row), *robust])
    title = "Accuracy, % (95 % interval): clean, and in the worst case over all attacks"
    head = ["model", "labels", "faces", "clean", *(f"at {format_eps(e)}" for e in eps)]
    table = text_table(title, head, cells, left=2)
    below = [*flag_lines(cells), *bound_lines(cells), *spread_lines(results, names)]
    return "\n".join([table, *below])


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


def percent(row: Any, limit: str = "") -> str:
    """Value and interval of a row of results in percent; `-` for none, `!` if it is flagged.

    Args:
        row: of `results.parquet`.
        limit: sign before a value, such as `BOUND`.
    """
    flag = "" if row.status == "ok" else FLAG
    if pd.isna(row.value):
        return f"-{flag}"
    low, high = (share_in_percent(one, 1) for one in (row.ci_low, row.ci_high))
    return f"{limit}{share_in_percent(row.value, 1)} ({low}-{high}){flag}"
