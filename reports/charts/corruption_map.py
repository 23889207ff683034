"""Accuracy by corruption and severity with its means and corruption errors, drawn on axes."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from evaluation.results.select import clean_accuracy, pick
from reports.charts.heat_map import shares_heat_map
from reports.charts.svg import ROLES
from reports.words.attacks import words
from reports.words.text import decimal

_INK = ROLES["ink"][0]
ALL = "all kinds"


def corruption_heat_map(results: pd.DataFrame, axes: Axes, *, model: str, label_set: str) -> None:
    """Accuracy by corruption type and severity, its mean, and the corruption error as a number.

    The last row is the mean over all types; its corruption error is the mCE.

    Args:
        results: long-form rows.
        axes: where to draw.
        model: model id.
        label_set: labels to score.
    """
    rows = corruption_rows(results, label_set)
    rows = rows[rows["model"] == model]
    table = rows.pivot_table(
        index="perturbation", columns="severity", values="value", sort=False, dropna=False
    ).astype(float)
    table = table[sorted(table.columns)]
    clean = pick(clean_accuracy(results, label_set), model=model)["value"]
    table.insert(0, "clean", float(clean.iloc[0]) if len(clean) else np.nan)
    errors = pd.Series(np.nan, index=table.index)
    of_model = pick(results, model=model, label_set=label_set, subset="all")
    means = pick(of_model, metric="mean_corruption_accuracy").set_index("perturbation")["value"]
    if len(means):
        found = pick(of_model, metric="corruption_error").set_index("perturbation")["value"]
        errors = found.reindex(table.index)
        table["mean"] = means.reindex(table.index)
        errors[ALL] = pick(of_model, metric="mce")["value"].max()
        table.loc[ALL] = table.mean()
        table.loc[ALL, "mean"] = means.get("corruptions", np.nan)
    table.index = [words(name) for name in table.index]
    shares_heat_map(table, axes, "mako")
    if errors.notna().any():
        _error_column(axes, errors.astype(float), len(table.columns))
    axes.set_xlabel("severity")


def corruption_rows(results: pd.DataFrame, label_set: str) -> pd.DataFrame:
    """Accuracy rows of corruptions under one label set."""
    rows = pick(results, label_set=label_set, subset="all", metric="accuracy")
    return rows[rows["severity"].notna()]


def _error_column(axes: Axes, errors: pd.Series, column: int) -> None:
    """Corruption errors as plain numbers right of the cells."""
    for row, error in enumerate(errors):
        axes.text(
            column + 1.35, row + 0.5, decimal(error), ha="right", va="center",
            color=_INK, fontsize=12,
        )  # fmt: skip
    names = [text.get_text() for text in axes.get_xticklabels()]
    axes.set_xlim(0, column + 1.4)
    axes.set_xticks([*(np.arange(column) + 0.5), column + 0.95], [*names, "CE"], rotation=0)
