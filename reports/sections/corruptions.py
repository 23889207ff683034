"""Corruptions: every model in one table, and one heat map per model."""

import math
from functools import partial

import pandas as pd

from evaluation.results.run import FinishedRun
from evaluation.results.select import clean_accuracy, pick
from reports.charts.corruption_map import corruption_heat_map, corruption_rows
from reports.charts.drawing import PHONE, Chart, Panel, drawing, faces_counted
from reports.sections.figures import Figure, marked, ranked
from reports.table import Table, figures_table, table
from reports.words.attacks import words
from reports.words.text import count, decimal, label_set_name, listing

MANY_KINDS = 12
"""With more corruption types than this, the rows of a heat map are closer together."""


def corruption_summary(run: FinishedRun) -> Table | None:
    """Clean accuracy, mean over corruptions, mCE and relative mCE of every model."""
    cells, data = [], []
    for model in ranked(run):
        own = run.own_label_set(model)
        rows = pick(run.results, model=model, label_set=own, subset="all")
        overall = pick(rows, perturbation="corruptions")
        mean = Figure.of(pick(overall, metric="mean_corruption_accuracy"))
        if not mean.known:
            continue
        clean = Figure.of(pick(clean_accuracy(run.results, own), model=model))
        cells.append(
            [
                model,
                label_set_name(own),
                marked(clean.text, clean.status),
                marked(mean.text, mean.status),
                mean.interval,
                *(
                    text
                    for metric in ("mce", "relative_mce")
                    for text in _ratio(pick(overall, metric=metric))
                ),
                count(mean.n),
            ]
        )
        data.append(overall)
    head = ["model", "labels", "clean", "mean corrupted", "95 % interval", "mCE", "95 % interval"]
    head += ["relative mCE", "95 % interval", "n"]
    title = "Corruptions, every model"
    return table("corruptions", head, cells, pd.concat(data), title) if cells else None


def corruption_note(run: FinishedRun) -> str:
    """Say what corruption errors are measured against, or why there are none."""
    rows = pick(run.results, metric="mce", subset="all")
    known = sorted(set(rows.loc[rows["n"] > 0, "detail"]))
    reasons = sorted(set(rows.loc[rows["n"] == 0, "detail"]))
    if known:
        which = ", whichever has the same labels," if len(known) > 1 else ""
        return (
            "CE (corruption error): the model's errors under a corruption divided by those of "
            f"{' or '.join(known)}{which} on the faces that both are scored on. "
            "1 means as many errors; less is better. mCE is the mean over the corruptions. "
            "Relative mCE counts only the errors that the corruption adds, so a model with many "
            "clean errors can have a small one. The baseline itself has 1 by definition."
            f"{_nothing_to_divide_by(run)}"
        )
    return f"No mCE: it {reasons[0]}, the baseline it is measured against." if reasons else ""


def _nothing_to_divide_by(run: FinishedRun) -> str:
    """Say why errors are a dash although the baseline is in the run; empty where none is."""
    sentences = ""
    for metric, name, lacks in (
        ("corruption_error", "mCE", "makes no error"),
        ("relative_corruption_error", "relative mCE", "loses no accuracy"),
    ):
        rows = pick(run.results, metric=metric, subset="all")
        for baseline, part in rows[rows["value"].isna() & (rows["n"] > 0)].groupby("detail"):
            kinds = listing([words(kind) for kind in dict.fromkeys(part["perturbation"])])
            sentences += (
                f" There is no {name} (\N{EM DASH}) against {baseline}, because it {lacks} under "
                f"{kinds}: nothing to divide by."
            )
    return sentences


def corruption_charts(run: FinishedRun) -> list[Chart]:
    """One heat map per model, under its own labels."""
    charts = []
    for index, model in enumerate(run.models):
        own = run.own_label_set(model)
        rows = pick(corruption_rows(run.results, own), model=model)
        if rows.empty or rows["value"].isna().all():
            continue
        name = f"corruptions-{index}"
        worst = rows.loc[rows["value"].idxmin()]
        clean = Figure.of(pick(clean_accuracy(run.results, own), model=model))
        low = Figure.of(rows.loc[[rows["value"].idxmin()]])
        title = (
            f"{model} loses most to {words(worst['perturbation'])} at severity "
            f"{worst['severity']}: {clean.text} \N{RIGHTWARDS ARROW} {low.text}"
        )
        kinds = rows["perturbation"].nunique() + 1
        svg = drawing(
            name,
            f"Accuracy of {model} by corruption and severity. {title}.",
            (PHONE, 50 + (24 if kinds > MANY_KINDS else 32) * kinds),
            (120, 6, 44, 4),
            partial(corruption_heat_map, run.results, model=model, label_set=own),
        )
        errors = pick(run.results, model=model, label_set=own, metric="corruption_error")
        last = "; last column: CE" if errors["value"].notna().any() else ""
        caption = (
            "Accuracy in percent by corruption (rows) and severity (columns), then its mean over "
            f"severities{last}; "
            f"{label_set_name(own)} labels, {faces_counted(rows)}."
        )
        shown = rows.assign(perturbation=rows["perturbation"].map(words))
        keys = {"perturbation": "corruption", "severity": "severity"}
        data = figures_table(name, rows, keys, shown)
        charts.append(Chart(name, title, caption, [Panel("", [svg])], data))
    return charts


def _ratio(rows: pd.DataFrame) -> list[str]:
    """Return a ratio and its interval as text."""
    figure = Figure.of(rows)
    no_bounds = math.isnan(figure.low) or figure.low == figure.high  # older runs: the baseline's
    if not figure.known or no_bounds:
        return [marked(decimal(figure.value), figure.status), ""]
    return [
        marked(decimal(figure.value), figure.status),
        f"{decimal(figure.low)}\N{EN DASH}{decimal(figure.high)}",
    ]
