"""Figures of transfer: images made on one model of a run and classified by another."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from evaluation.figures.figure_rows import Figures, figure_key
from evaluation.figures.groups import effective
from evaluation.results.transfer_rows import CELL
from evaluation.statistics.intervals import proportion


def transfer_figures(
    cells: Iterable[pd.DataFrame], groups: pd.Series, split: str, seed: int
) -> pd.DataFrame:
    """Accuracy and success rate of every source on every model, itself included.

    Args:
        cells: rows of each cell of the transfer matrix, see `transfer_cells`.
        groups: group of each image by row id, see `groups_of`.
        split: name of the split, for the rows.
        seed: seed of the run.

    Returns:
        Rows of `results.csv`.
    """
    figures = Figures(split, seed)
    for part in cells:
        where: dict[str, Any] = part.iloc[0][CELL].to_dict()
        where = figure_key(label_set=where["attacked_labels"], **where)
        before = part.clean_prediction == part.label
        still_right = before & (part.prediction == part.label)
        right, kept = int(before.sum()), int(still_right.sum())
        every, hit = (
            effective(groups, pd.Index(part.row[mask])) for mask in (before.notna(), before)
        )
        value = proportion(kept, len(part), effective=every)
        figures.add(where, "all", "transfer_accuracy", value)
        value = proportion(right - kept, right, effective=hit)
        figures.add(where, "all", "transfer_success_rate", value)
    return figures.frame()
