"""Calibration: confidence against accuracy of each model, clean and attacked."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from evaluation.results.run import FinishedRun
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import Headline, pick
from reports.charts.drawing import PHONE, Chart, Panel, drawing, faces_counted
from reports.charts.reliability_diagram import reliability_bins, reliability_diagram
from reports.sections.attacks_run import mixed_note
from reports.sections.figures import Figure, at_most, bound, marked, own_figures, ranked
from reports.table import Table, table
from reports.words.text import MISSING, count, decimal, label_set_name, percent

MEASURES: tuple[tuple[str, str], ...] = (
    ("debiased_ece", "debiased ECE"),
    ("ece", "plain ECE"),
    ("adaptive_ece", "adaptive ECE"),
    ("brier", "Brier"),
    ("nll", "NLL"),
)
"""Metric and its name; the first three are shares, the others plain numbers."""

PLAIN = ("ece", "adaptive_ece")
"""Measures that noise makes too large: in the table, not beside the diagram."""


def calibration_charts(run: FinishedRun, headline: Headline | None) -> list[Chart]:
    """A reliability diagram of each model under its own labels, clean and under the worst case."""
    charts = []
    for index, model in enumerate(run.models):
        own = run.own_label_set(model)
        panels: list[Panel] = []
        rows, sure, told = [], [], []
        for heading, eps, norm in _steps(headline):
            where: dict[str, Any] = {"model": model, "label_set": own, "norm": norm, "eps": eps}
            bins = reliability_bins(run.results, **where)
            if bins.empty:
                continue
            confidence, right = _means(bins)
            limit = at_most(run, model, right) if eps > 0 else ""
            sure.append((heading, _share(confidence), f"{limit}{_share(right)}"))
            svg = drawing(
                f"calibration-{index}-{len(panels)}",
                f"Reliability diagram of {model}, {heading}: mean confidence "
                f"{_share(confidence)}, accuracy {limit}{_share(right)}.",
                (PHONE, 330),
                (64, 24, 44, 10),
                partial(reliability_diagram, run.results, **where),
            )
            measures = measure_rows(run, model, norm, eps)
            panels.append(Panel(heading, [svg]))
            told.append(f"{heading}: {_measures_text(measures)}.")
            rows.append(measures)
        if not panels:
            continue
        faces = faces_counted(pd.concat(rows))
        caption = f"{label_set_name(own)} labels, {faces}. {' '.join(told)}"
        if headline:
            caption += mixed_note(run, [model], headline.norm)
        if headline and model in run.black_boxes:
            caption += (
                " The model gives no gradients: its accuracy under attack is an upper bound, and "
                "how confident it would be under a stronger attack is not known."
            )
        data = calibration_table(run, [model], headline, f"calibration-{model}")
        name = f"calibration-{index}"
        charts.append(Chart(name, _title(model, sure), caption, panels, data))
    return charts


def calibration_summary(run: FinishedRun, headline: Headline | None) -> Table:
    """Calibration of every model in one table, most robust first."""
    title = "Calibration of every model"
    return calibration_table(run, ranked(run), headline, "calibration", title)


def calibration_table(
    run: FinishedRun, models: list[str], headline: Headline | None, name: str, title: str = ""
) -> Table:
    """Confidence, accuracy and calibration measures of some models, clean and attacked."""
    cells, data = [], []
    for model in models:
        own = run.own_label_set(model)
        for heading, eps, norm in _steps(headline):
            bins = reliability_bins(run.results, model=model, label_set=own, norm=norm, eps=eps)
            rows = measure_rows(run, model, norm, eps)
            if bins.empty:
                continue
            confidence, _ = _means(bins)
            accuracy = _accuracy(run, model, headline if eps else None)
            texts = [_with_interval(rows, metric) for metric, _ in MEASURES]
            shares = [_share(confidence), accuracy]
            faces = count(float(rows["n"].max()))
            cells.append([model, label_set_name(own), heading.lower(), *shares, *texts, faces])
            data.append(rows)
    head = ["model", "labels", "faces", "confidence", "accuracy"]
    head += [*(title for _, title in MEASURES), "n"]
    columns = run.results.columns
    rows = pd.concat(data) if data else pd.DataFrame(columns=columns)
    return table(name, head, cells, rows, title)


def measure_rows(run: FinishedRun, model: str, norm: str, eps: float) -> pd.DataFrame:
    """Rows of the calibration measures of a model under its own labels, clean where eps is 0."""
    own = run.own_label_set(model)
    rows = pick(run.results, model=model, label_set=own, subset="all", eps=eps)
    rows = pick(rows, metric=[metric for metric, _ in MEASURES])
    if eps == 0:
        return pick(rows, perturbation="none")
    return pick(rows, perturbation=WORST_CASE, norm=norm, attacked_labels=own)


def _steps(headline: Headline | None) -> list[tuple[str, float, str]]:
    steps = [("Clean", 0.0, "linf")]
    if headline:
        steps.append((f"Worst case {headline.text}", headline.eps, headline.norm))
    return steps


def _means(bins: pd.DataFrame) -> tuple[float, float]:
    """Mean confidence and accuracy over all faces, from the bins."""
    weights = bins["n"] / bins["n"].sum()
    return float((bins["confidence"] * weights).sum()), float((bins["accuracy"] * weights).sum())


def _measures_text(rows: pd.DataFrame) -> str:
    shown = [(metric, name) for metric, name in MEASURES if metric not in PLAIN]
    return ", ".join(f"{name} {_with_interval(rows, metric)}" for metric, name in shown)


def _with_interval(rows: pd.DataFrame, metric: str) -> str:
    """A measure with its 95 % interval in brackets: `6 % (4-8)`, `0.50 (0.48-0.52)` (en dash)."""
    figure = Figure.of(pick(rows, metric=metric))
    if metric in ("debiased_ece", *PLAIN):
        text, ends = figure.text, figure.interval
    else:
        text, ends = decimal(figure.value), ""
        if figure.known and not np.isnan(figure.low):
            ends = f"{decimal(figure.low)}\N{EN DASH}{decimal(figure.high)}"
    return marked(f"{text} ({ends})" if ends else text, figure.status)


def _accuracy(run: FinishedRun, model: str, headline: Headline | None) -> str:
    """Clean accuracy, or robust accuracy at the headline, with its interval in brackets."""
    clean, robust = own_figures(run, model, headline)
    figure = robust if headline else clean
    sign = bound(run, model) if headline else ""
    text = f"{sign}{figure.text} ({figure.interval})" if figure.interval else figure.text
    return marked(text, figure.status)


def _title(model: str, sure: list[tuple[str, str, str]]) -> str:
    heading, confidence, right = sure[0]
    first = "on clean faces" if heading == "Clean" else "under attack"
    text = f"{model}: confidence {confidence} {first}, accuracy {right}"
    if len(sure) > 1:
        _, confidence, right = sure[1]
        text += f"; under attack, {confidence} and {right}"
    return text


def _share(value: float) -> str:
    return percent(value, 0, 1) if value == value else MISSING
