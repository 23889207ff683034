"""The leaderboard: every model under its own labels, most robust first."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from reports.load import Headline, Run, pick
from reports.tables import Table, table
from reports.text import MISSING, count, eps_text, label_set_name, listing
from reports.verdict import Figure, own_figures, ranked, robust_figure, standing


@dataclass(frozen=True)
class Cell:
    """A cell of the leaderboard: what is shown, what it sorts by."""

    text: str
    sort: float
    small: str = ""
    status: str = "ok"


@dataclass(frozen=True)
class Leaderboard:
    """Head, one row a model, and the rows to download.

    Attributes:
        head: titles of the number columns.
        rows: model, its label set, number cells, models it is not distinguishable from, status.
        data: the same as a csv.
    """

    head: list[str]
    rows: list[tuple[str, str, list[Cell], str, str]]
    data: Table


def leaderboard(run: Run, headline: Headline | None) -> Leaderboard:
    """Every model under its own labels."""
    head = ["Clean accuracy", "Macro F1"]
    if headline:
        grid = _grid(run.results, headline)
        extra = [eps for eps in grid[:1] if eps != headline.eps]
        head += [f"Random noise {headline.text}"]
        head += [f"Worst case {eps_text(eps, headline.norm)}" for eps in [*extra, headline.eps]]
        head += ["Attack success", "Median smallest eps"]
    head += ["Parameters"]
    rows = []
    for model in ranked(run, headline):
        cells = _cells(run, model, headline, extra if headline else [])
        clean, robust = own_figures(run, model, headline)
        status, _ = standing(run, model, (clean, robust))
        rows.append((model, label_set_name(run.own_label_set(model)), cells, "", status))
    rows = [
        (model, labels, cells, listing(not_distinguishable(run, model, headline)), status)
        for model, labels, cells, _, status in rows
    ]
    data = pd.DataFrame(
        [[model, labels, *(cell.sort for cell in cells), ties, status]
         for model, labels, cells, ties, status in rows],
        columns=["model", "labels", *head, "not distinguishable from", "status"],
    )  # fmt: skip
    return Leaderboard(head, rows, table("leaderboard", [], [], data))


def not_distinguishable(run: Run, model: str, headline: Headline | None) -> list[str]:
    """Models whose headline figure differs from this one's by no more than chance."""
    wanted: dict[str, Any] = {"perturbation": "none", "eps": 0.0}
    if headline:
        wanted = {"perturbation": "worst_case", "norm": headline.norm, "eps": headline.eps}
    pairs = pick(run.comparisons, label_set=run.own_label_set(model), **wanted)
    pairs = pairs[~pairs["distinguishable"].fillna(True).astype(bool)]
    other = [
        second if first == model else first
        for first, second in pairs[["model_a", "model_b"]].itertuples(index=False)
        if model in (first, second)
    ]
    own = run.own_label_set(model)
    return [name for name in run.models if name in other and run.own_label_set(name) == own]


def _cells(run: Run, model: str, headline: Headline | None, extra: list[float]) -> list[Cell]:
    own = run.own_label_set(model)
    clean = pick(run.results, model=model, label_set=own, perturbation="none", subset="all")
    cells = [_cell(Figure.of(pick(clean, metric=metric))) for metric in ("accuracy", "macro_f1")]
    if headline:
        cells.append(_cell(robust_figure(run, model, headline, "noise")))
        for eps in [*extra, headline.eps]:
            cells.append(_cell(robust_figure(run, model, Headline(headline.norm, eps))))
        attacked = pick(
            run.results,
            model=model,
            label_set=own,
            attacked_labels=own,
            norm=headline.norm,
            perturbation=["worst_case", "pgd"],
            subset="all",
        ).sort_values("perturbation", ascending=False, kind="stable")
        success = pick(attacked, metric="attack_success_rate", eps=headline.eps)
        cells.append(_cell(Figure.of(success)))
        cells.append(_distance(pick(attacked, metric="median_smallest_eps"), headline.norm))
    parameters = run.manifest["models"][model].get("parameters")
    number = float("nan") if parameters is None else float(parameters)
    return [*cells, Cell(count(number), number)]


def _cell(figure: Figure) -> Cell:
    return Cell(figure.text, figure.value, figure.interval, figure.status)


def _distance(rows: pd.DataFrame, norm: str) -> Cell:
    """The median smallest eps; infinite when fewer than half broke: beyond the grid."""
    if rows.empty or pd.isna(rows["value"].iloc[0]):
        return Cell(MISSING, float("nan"))
    value, largest = float(rows["value"].iloc[0]), float(rows["eps"].iloc[0])
    text = f">{eps_text(largest, norm)}" if value == float("inf") else eps_text(value, norm)
    return Cell(text, value, "", str(rows["status"].iloc[0]))


def _grid(results: pd.DataFrame, headline: Headline) -> list[float]:
    rows = pick(results, norm=headline.norm, metric="robust_accuracy", perturbation="worst_case")
    return sorted(float(eps) for eps in rows.loc[rows["eps"] > 0, "eps"].unique())
