"""The leaderboard: every model under its own labels, most robust first."""

from dataclasses import dataclass

import pandas as pd

from evaluation.comparing.ranking import run_rankings
from evaluation.results.run import FinishedRun
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import Headline, black_boxes, has_best_known, pick
from reports.sections.figures import (
    Figure,
    best_known_figure,
    own_figures,
    ranked,
    robust_figure,
    status_of,
)
from reports.tables import Table, table
from reports.words.text import MISSING, count, eps_text, label_set_name, listing


@dataclass(frozen=True)
class Cell:
    """A cell of the leaderboard: what is shown, what it sorts by."""

    text: str
    sort: float
    small: str = ""
    status: str = "ok"


@dataclass(frozen=True)
class Leaderboard:
    """Column titles, one row per model, and the rows to download.

    Attributes:
        head: titles of the number columns.
        rows: model, label set, number cells, models it is not distinguishable from, status.
        data: the rows as a csv, with the best and the worst rank.
    """

    head: list[str]
    rows: list[tuple[str, str, list[Cell], list[str], str]]
    data: Table


def leaderboard(run: FinishedRun, headline: Headline | None) -> Leaderboard:
    """Every model under its own labels."""
    head = ["Rank", "Clean accuracy", "Clean, no leaked", "Macro F1"]
    if headline:
        grid = _grid(run.results, headline)
        extra = [eps for eps in grid[:1] if eps != headline.eps]
        head += [f"Random noise {headline.text}"]
        head += [f"Worst case {eps_text(eps, headline.norm)}" for eps in [*extra, headline.eps]]
        head += [f"Best known {headline.text}"] if has_best_known(run.results) else []
        head += ["Attack success", f"Area to {headline.text}"]
        head += ["Median smallest eps"]
    head += ["Parameters"]
    rows, data = [], []
    for model in ranked(run):
        ranking = run_rankings(run)[run.own_label_set(model)]
        ends = ranking.ranges.get(model)
        cells = [_rank(ends), *_cells(run, model, headline, extra if headline else [])]
        clean, robust = own_figures(run, model, headline)
        status, _ = status_of(run, model, (clean, robust))
        ties = ranking.not_distinguishable(model)
        labels = label_set_name(run.own_label_set(model))
        rows.append((model, labels, cells, ties, status))
        numbers = [*(ends or (None, None)), *(cell.sort for cell in cells[1:])]
        data.append([model, labels, *numbers, listing(ties), status])
    columns = ["model", "labels", "Best rank", "Worst rank", *head[1:]]
    columns += ["not distinguishable from", "status"]
    frame = pd.DataFrame(data, columns=columns)
    return Leaderboard(head, rows, table("leaderboard", [], [], frame))


def _rank(ends: tuple[int, int] | None) -> Cell:
    if ends is None:
        return Cell(MISSING, float("nan"))
    best, worst = ends
    text = str(best) if best == worst else f"{best}\N{EN DASH}{worst}"
    return Cell(text, best + worst / 1000)


def _cells(
    run: FinishedRun, model: str, headline: Headline | None, extra: list[float]
) -> list[Cell]:
    own = run.own_label_set(model)
    clean = pick(run.results, model=model, label_set=own, perturbation="none")
    shown = (("accuracy", "all"), ("accuracy", "no_leak"), ("macro_f1", "all"))
    cells = [_cell(Figure.of(pick(clean, metric=name, subset=subset))) for name, subset in shown]
    if headline:
        limited = model in black_boxes(run.results)
        most, least = ("\u2264\u202f", "\u2265\u202f") if limited else ("", "")
        cells.append(_cell(robust_figure(run, model, headline, "noise")))
        for eps in [*extra, headline.eps]:
            cells.append(_cell(robust_figure(run, model, Headline(headline.norm, eps)), most))
        if has_best_known(run.results):
            known = best_known_figure(run, model, headline)
            known = known if known.known else robust_figure(run, model, headline)
            cells.append(_cell(known, most))
        attacked = pick(
            run.results,
            model=model,
            label_set=own,
            attacked_labels=own,
            norm=headline.norm,
            perturbation=WORST_CASE,
            subset="all",
        )
        success = pick(attacked, metric="attack_success_rate", eps=headline.eps)
        cells.append(_cell(Figure.of(success), least))
        area = pick(attacked, metric="security_curve_area", eps=headline.eps)
        cells.append(_cell(Figure.of(area), most))
        cells.append(_distance(attacked, headline.norm, most))
    parameters = run.manifest["models"][model].get("parameters")
    number = float("nan") if parameters is None else float(parameters)
    return [*cells, Cell(count(number), number)]


def _cell(figure: Figure, sign: str = "") -> Cell:
    text = f"{sign}{figure.text}" if figure.known else figure.text
    return Cell(text, figure.value, figure.interval, figure.status)


def _distance(rows: pd.DataFrame, norm: str, sign: str = "") -> Cell:
    """The median smallest eps with its quartiles; beyond the grid if too few faces broke."""
    lower, median, upper = (
        pick(rows, metric=f"{name}_smallest_eps")
        for name in ("lower_quartile", "median", "upper_quartile")
    )
    if median.empty or pd.isna(median["value"].iloc[0]):
        return Cell(MISSING, float("nan"))
    middle, status = _eps(median, norm), str(median["status"].iloc[0])
    quartiles = ""
    if len(lower) and len(upper):
        ends = dict.fromkeys([_eps(lower, norm), _eps(upper, norm)])
        quartiles = " to ".join(ends)
    sign = "" if middle.startswith(">") else sign
    return Cell(f"{sign}{middle}", float(median["value"].iloc[0]), quartiles, status)


def _eps(rows: pd.DataFrame, norm: str) -> str:
    value, largest = float(rows["value"].iloc[0]), float(rows["eps"].iloc[0])
    return f">{eps_text(largest, norm)}" if value == float("inf") else eps_text(value, norm)


def _grid(results: pd.DataFrame, headline: Headline) -> list[float]:
    rows = pick(results, norm=headline.norm, metric="robust_accuracy", perturbation=WORST_CASE)
    return sorted(float(eps) for eps in rows.loc[rows["eps"] > 0, "eps"].unique())
