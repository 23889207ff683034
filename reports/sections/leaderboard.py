"""The leaderboard: every model under its own labels, most robust first."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pandas as pd

from datasets.base.percentages import share_in_percent
from evaluation.comparing.ranking import run_rankings
from evaluation.metrics.metric import Unit
from evaluation.metrics.table import METRICS
from evaluation.results.run import FinishedRun
from evaluation.results.schema import UNMOVED, WORST_CASE
from evaluation.results.select import Headline, has_best_known, pick
from reports.sections.figures import (
    EIGHT_BITS,
    SPREAD,
    Figure,
    best_known_figure,
    bound,
    every_attack_figure,
    labels_of,
    own_figures,
    ranked,
    robust_figure,
    status_of,
)
from reports.table import Table, table
from reports.words.text import (
    MISSING,
    count,
    decimal,
    eps_text,
    face_count,
    finer_than_8_bits,
    listing,
)

NO_BOUND = "no bound"
"""Smallest eps of a black box whose faces did not break up to the largest eps."""


@dataclass(frozen=True)
class Cell:
    """A cell of the leaderboard: what is shown, what it sorts by, its interval, and a remark."""

    text: str
    sort: float
    small: str = ""
    status: str = "ok"
    note: str = ""
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Leaderboard:
    """Column titles, one row per model, and the rows to download.

    Attributes:
        head: titles of the number columns.
        rows: model, label set, number cells, models it is not distinguishable from, status.
        data: the rows as a csv, with the best and the worst rank and every interval.
    """

    head: list[str]
    rows: list[tuple[str, str, list[Cell], list[str], str]]
    data: Table


def leaderboard(run: FinishedRun, headline: Headline | None) -> Leaderboard:
    """Every model under its own labels, those with a rank first."""
    models = ranked(run)
    columns = {
        title: [cell(model) for model in models] for title, cell in _columns(run, headline).items()
    }
    columns = {title: cells for title, cells in columns.items() if any(map(_is_known, cells))}
    rows, data = [], []
    for place, model in enumerate(models):
        ranking = run_rankings(run)[run.own_label_set(model)]
        ends = ranking.ranges.get(model)
        numbers = [cells[place] for cells in columns.values()]
        own = own_figures(run, model, headline)
        status, _ = status_of(run, model, own)
        ties = ranking.not_distinguishable(model)
        labels = labels_of(run, model)
        rank = _rank(ends, ranking.provisional.get(model, []), ranking.void.get(model, []))
        rows.append((model, labels, [rank, *numbers], ties, status))
        data.append(
            {"model": model, "labels": labels, "faces": own[0].n}
            | dict(zip(("Best rank", "Worst rank"), ends or (None, None), strict=True))
            | _numbers({title: cells[place] for title, cells in columns.items()})
            | {
                "not distinguishable from": listing(ties),
                "provisional rank": model in ranking.provisional,
                "upper bounds": model in run.black_boxes,
                "status": status,
            }
        )
    frame = pd.DataFrame(data)
    bounds = [name for name in frame if name.endswith((", low", ", high"))]
    frame = frame.drop(columns=[name for name in bounds if frame[name].isna().all()])
    return Leaderboard(["Rank", *columns], rows, table("leaderboard", [], [], frame))


def _numbers(cells: dict[str, Cell]) -> dict[str, float | str]:
    """Each figure of a model by its title, with its interval, and the titles of flagged ones."""
    flagged = [title for title, cell in cells.items() if cell.status != "ok"]
    numbers = {
        f"{title}{end}": number
        for title, cell in cells.items()
        for end, number in (("", cell.sort), (", low", cell.low), (", high", cell.high))
    }
    return numbers | {"flagged figures": "; ".join(flagged)}


def ranking_sentence(run: FinishedRun, headline: Headline | None) -> str:
    """Say what models are ranked by, and why a rank is provisional where one is."""
    if headline is None:
        return "Models are ranked by clean accuracy."
    words = (
        f"Models are ranked by the area under the security curve up to {headline.text}, their mean "
        f"robust accuracy from eps 0 to {headline.text}, so that models with no robust face at "
        f"{headline.text} are still told apart."
    )
    if any(ranking.provisional for ranking in run_rankings(run).values()):
        words += (
            " A provisional rank may be too good: a check of the model's attack failed, such as R6 "
            "(twice the budget, or a stronger attack, lowered robust accuracy)."
        )
    if any(ranking.void for ranking in run_rankings(run).values()):
        words += (
            " A model has no rank where a failed check makes its figures void: the attack does not "
            "work on it (R4), it predicts one class only (R3), its contract is wrong (R25), or its "
            "answers depend on the batch or changed during the run (R11)."
        )
    return words


def reading_sentence(run: FinishedRun, headline: Headline | None) -> str:
    """Say what marks of the worst case mean: a part of the faces, eps that 8 bits cannot hold."""
    if headline is None:
        return ""
    parts = []
    if any(every_attack_figure(run, model, headline).known for model in run.models):
        parts.append(
            "Where slow attacks saw only a part of the faces, the worst case mixes faces that met "
            "different attacks. If any are robust, the worst case on the faces that every attack "
            "saw is given with it."
        )
    smallest = _grid(run.results, headline)[0]
    if finer_than_8_bits(smallest, headline.norm):
        parts.append(
            f"{eps_text(smallest)} is an eps for float images only: an 8-bit image that differs "
            "from a face differs by at least 1/255."
        )
    return " ".join(parts)


def _columns(run: FinishedRun, headline: Headline | None) -> dict[str, Callable[[str], Cell]]:
    """Title of each number column, and what it shows of a model."""
    columns: dict[str, Callable[[str], Cell]] = {"Clean accuracy": partial(_clean, run, "accuracy")}
    if headline:
        attacked = partial(_attacked, run)
        smallest = Headline(headline.norm, _grid(run.results, headline)[0])
        columns[f"Area to {headline.text}"] = partial(attacked, headline, "security_curve_area")
        columns[f"Worst case {headline.text}"] = partial(_worst, run, headline)
        if not finer_than_8_bits(headline.eps, headline.norm):
            columns[f"8-bit images {headline.text}"] = partial(attacked, headline, EIGHT_BITS)
        if has_best_known(run.results):
            columns[f"Best known {headline.text}"] = partial(_best_known, run, headline)
        columns[f"Seed spread {headline.text}"] = partial(_spread, run, headline)
        if smallest.text != headline.text:
            columns[f"Worst case {smallest.text}"] = partial(attacked, smallest, "robust_accuracy")
        columns[f"Random noise {headline.text}"] = partial(_noise, run, headline)
        columns["Attack success"] = partial(attacked, headline, "attack_success_rate")
        columns["Median smallest eps"] = partial(_median_eps, run, headline)
    columns["Clean, no leaked"] = partial(_clean, run, "accuracy", subset="no_leak")
    for metric in METRICS.values():
        if metric.heading:
            columns[metric.heading] = partial(_clean, run, metric.name)
    columns["Parameters"] = partial(_parameters, run)
    return columns


def _is_known(cell: Cell) -> bool:
    return cell.sort == cell.sort or cell.status != "ok"


def _rank(ends: tuple[int, int] | None, provisional: list[str], void: list[str]) -> Cell:
    """The rank, and the rules whose failed checks make it provisional or cost it."""
    if ends is None:
        small = f"{listing(void)} failed" if void else ""
        return Cell(MISSING, float("nan"), small, "flagged" if void else "ok")
    best, worst = ends
    text = str(best) if best == worst else f"{best}\N{EN DASH}{worst}"
    small = f"provisional: {listing(provisional)}" if provisional else ""
    return Cell(text, best + worst / 1000, small, "flagged" if provisional else "ok")


def _clean(run: FinishedRun, metric: str, model: str, subset: str = "all") -> Cell:
    own = {"model": model, "label_set": run.own_label_set(model)}
    rows = pick(run.results, **own, perturbation="none", metric=metric, subset=subset)
    figure = Figure.of(rows)
    if METRICS[metric].unit is Unit.SHARE or not figure.known:
        return _cell(figure)
    ends = f"{decimal(figure.low)}\N{EN DASH}{decimal(figure.high)}"
    ends = "" if math.isnan(figure.low) else ends
    return Cell(
        decimal(figure.value), figure.value, ends, figure.status, low=figure.low, high=figure.high
    )


def _attacked(run: FinishedRun, at: Headline, metric: str, model: str) -> Cell:
    """A figure of the worst case; a bound where the model is a black box."""
    rows = pick(_worst_case(run, at.norm, model), metric=metric, eps=at.eps)
    return _cell(Figure.of(rows), bound(run, model, upper=metric != "attack_success_rate"))


def _worst(run: FinishedRun, headline: Headline, model: str) -> Cell:
    """The worst case at the headline, and the one on the faces that every attack saw."""
    cell = _attacked(run, headline, "robust_accuracy", model)
    part = every_attack_figure(run, model, headline)
    if not part.known:
        return cell
    sign = bound(run, model)
    note = f"{sign}{part.text} ({part.interval}) on {face_count(part.n)}"
    return dataclasses.replace(cell, note=note)


def _spread(run: FinishedRun, headline: Headline, model: str) -> Cell:
    """How far robust accuracy moves with the random seed of the attacks, in points."""
    rows = pick(_worst_case(run, headline.norm, model), metric=SPREAD, eps=headline.eps)
    figure = Figure.of(rows)
    text = f"{share_in_percent(figure.value, 1)} points" if figure.known else figure.text
    if figure.value == 0 and str(rows["detail"].iloc[0]).startswith(UNMOVED):
        text = "no draw mattered"
    return Cell(text, figure.value, status=figure.status)


def _noise(run: FinishedRun, headline: Headline, model: str) -> Cell:
    return _cell(robust_figure(run, model, headline, "noise"))


def _best_known(run: FinishedRun, headline: Headline, model: str) -> Cell:
    known = best_known_figure(run, model, headline)
    known = known if known.known else robust_figure(run, model, headline)
    return _cell(known, bound(run, model))


def _parameters(run: FinishedRun, model: str) -> Cell:
    number = run.manifest["models"][model].get("parameters")
    value = float("nan") if number is None else float(number)
    return Cell(count(value), value)


def _worst_case(run: FinishedRun, norm: str, model: str) -> pd.DataFrame:
    own = run.own_label_set(model)
    return pick(
        run.results, model=model, label_set=own, attacked_labels=own, norm=norm,
        perturbation=WORST_CASE, subset="all",
    )  # fmt: skip


def _cell(figure: Figure, sign: str = "") -> Cell:
    text = f"{sign}{figure.text}" if figure.known else figure.text
    return Cell(
        text, figure.value, figure.interval, figure.status, low=figure.low, high=figure.high
    )


def _median_eps(run: FinishedRun, headline: Headline, model: str) -> Cell:
    """The median smallest eps with its quartiles; beyond the grid if too few faces broke.

    Of a black box each is an upper bound, and none is known beyond the grid.
    """
    rows, norm = _worst_case(run, headline.norm, model), headline.norm
    lower, median, upper = (
        pick(rows, metric=f"{name}_smallest_eps")
        for name in ("lower_quartile", "median", "upper_quartile")
    )
    if median.empty or pd.isna(median["value"].iloc[0]):
        return Cell(MISSING, float("nan"))
    said = partial(_eps, norm=norm, sign=bound(run, model))
    quartiles = ""
    if len(lower) and len(upper):
        quartiles = " to ".join(dict.fromkeys([said(lower), said(upper)]))
    value, status = float(median["value"].iloc[0]), str(median["status"].iloc[0])
    return Cell(said(median), value, quartiles, status)


def _eps(rows: pd.DataFrame, norm: str, sign: str) -> str:
    """An eps; beyond the grid `>8/255`, or `no bound` where it is an upper bound."""
    value, largest = float(rows["value"].iloc[0]), float(rows["eps"].iloc[0])
    if value == float("inf"):
        return NO_BOUND if sign else f">{eps_text(largest, norm)}"
    return f"{sign}{eps_text(value, norm)}"


def _grid(results: pd.DataFrame, headline: Headline) -> list[float]:
    rows = pick(results, norm=headline.norm, metric="robust_accuracy", perturbation=WORST_CASE)
    return sorted(float(eps) for eps in rows.loc[rows["eps"] > 0, "eps"].unique())
