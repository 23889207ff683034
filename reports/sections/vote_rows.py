"""Rows, dots and tables that the panels of label noise and votes share."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from evaluation.results.run import FinishedRun
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import Headline, pick
from reports.charts.dot_plot import Dot, dot_plot
from reports.charts.drawing import PHONE, Panel, drawing
from reports.table import Table, figures_table
from reports.words.attacks import words
from reports.words.text import eps_text, label_set_name, percent, points

STATES: dict[str, Dot] = {
    "clean": Dot("clean", "o", True),
    "worst case": Dot("attacked", "s", False),
}
"""Clean faces and the worst case as dots."""

METRIC_WORDS = {
    "accuracy": "accuracy",
    "robust_accuracy": "robust accuracy",
    "oracle_accuracy": "accuracy of the oracle",
    "oracle_faces_accuracy": "accuracy on the oracle's faces",
    "label_noise_share": "errors that give the {ferplus} label",
    "label_gap": "{ferplus} minus {fer}",
    "plausible_flip": "plausible flips among broken",
    "implausible_success_rate": "implausible flips among correct",
    "expected_agreement": "expected agreement",
}
"""Metric: its name in the tables of this section, with the names of the label sets to fill in."""

Rows = dict[str, pd.DataFrame]
"""Result rows by the name of their kind."""


def states(run: FinishedRun, headline: Headline | None, *, metric: str, label_set: str) -> Rows:
    """Rows of a metric for clean faces and for the worst case at the headline."""
    rows = pick(run.results, metric=metric, label_set=label_set, subset="all")
    found = {"clean": pick(rows, perturbation="none")}
    if headline:
        found["worst case"] = pick(
            rows, perturbation=WORST_CASE, norm=headline.norm, eps=headline.eps,
            attacked_labels=label_set,
        )  # fmt: skip
    return {name: part for name, part in found.items() if part["value"].notna().any()}


def own_rows(
    run: FinishedRun, *, attacked: bool = False, subset: str = "all", **where: Any
) -> pd.DataFrame:
    """Rows of every model under its own labels (attacked under them too)."""
    rows = pick(run.results, subset=subset, **where)
    own = rows["model"].map({model: run.own_label_set(model) for model in run.models})
    rows = rows[rows["label_set"] == own]
    return rows[rows["attacked_labels"] == rows["label_set"]] if attacked else rows


def dots_panel(
    name: str,
    heading: str,
    rows: Rows,
    models: list[str],
    dots: Mapping[str, Dot],
    **options: Any,
) -> Panel:
    """A dot plot of some models, its alternative text from the rows."""
    said = points if options.get("around_zero") else percent
    described = "; ".join(
        f"{kind}: " + ", ".join(f"{row.model} {said(row.value)}" for row in part.itertuples())
        for kind, part in rows.items()
    )
    svg = drawing(
        name,
        f"{heading}. {described}.",
        (PHONE, 68 + 34 * len(models)),
        (152, 24, 60, 4),
        partial(dot_plot, rows=rows, models=models, dots=dots, **options),
    )
    return Panel(heading, [svg])


def noise_table(name: str, rows: pd.DataFrame) -> Table:
    """The rows behind a chart, each with the name of its figure."""
    shown = rows.assign(
        label_set=rows["label_set"].map(label_set_name),
        metric=rows["metric"].map(_metric_words()),
        perturbation=rows["perturbation"].map(words),
        eps=[
            eps_text(eps, norm or "linf")
            for eps, norm in zip(rows["eps"], rows["norm"], strict=True)
        ],
    )
    keys = {"model": "model", "label_set": "labels", "metric": "figure", "subset": "faces"}
    keys |= {"perturbation": "perturbation", "eps": "eps"}
    return figures_table(name, rows, keys, shown)


def _metric_words() -> dict[str, str]:
    names = {"fer": label_set_name("fer"), "ferplus": label_set_name("ferplus")}
    return {metric: text.format(**names) for metric, text in METRIC_WORDS.items()}
