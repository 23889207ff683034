"""Corruptions: one heat map a model."""

from functools import partial

from reports.drawing import PHONE, Chart, Panel, drawing, faces_counted
from reports.figures import corruption_heat_map, corruption_rows
from reports.load import Run, clean_accuracy, pick
from reports.tables import figures_table
from reports.text import label_set_name, words
from reports.verdict import Figure


def corruption_charts(run: Run) -> list[Chart]:
    """One heat map a model, under its own labels."""
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
        kind = words(worst["perturbation"])
        title = (
            f"{kind[:1].upper()}{kind[1:]} at severity {worst['severity']} costs "
            f"{model} most: {clean.text} \N{RIGHTWARDS ARROW} {low.text}"
        )
        kinds = rows["perturbation"].nunique()
        svg = drawing(
            name,
            f"Accuracy of {model} by corruption and severity. {title}.",
            (PHONE, 50 + 32 * kinds),
            (120, 6, 44, 4),
            partial(corruption_heat_map, run.results, model=model, label_set=own),
        )
        caption = (
            "Accuracy in percent by corruption (down) and severity (across); "
            f"{label_set_name(own)} labels, {faces_counted(rows)}."
        )
        shown = rows.assign(perturbation=rows["perturbation"].map(words))
        keys = {"perturbation": "corruption", "severity": "severity"}
        table = figures_table(name, rows, keys, shown)
        charts.append(Chart(name, title, caption, [Panel("", [svg])], table))
    return charts
