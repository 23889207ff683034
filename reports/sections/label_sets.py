"""Each model under FER and under FER+ labels, clean and attacked."""

from functools import partial

import numpy as np
import pandas as pd

from datasets.labels import FER7, FERPLUS8, translate
from evaluation.results.run import FinishedRun
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import Headline, clean_accuracy, pick, robust_accuracy
from evaluation.statistics.intervals import effective_size, proportion
from reports.charts.bars import label_set_bars
from reports.charts.drawing import PHONE, Chart, Panel, drawing, faces_counted, share_range
from reports.sections.attacks_run import attacked_notes
from reports.sections.figures import own_figures
from reports.table import figures_table
from reports.words.glossary import FERPLUS_RULE
from reports.words.text import eps_text, face_count, interval, label_set_name, percent


def label_set_chart(run: FinishedRun, headline: Headline | None) -> Chart | None:
    """Each model under FER and under FER+, clean and attacked."""
    both = [name for name in ("fer", "ferplus") if name in run.label_sets]
    models = [model for model in run.models if set(both) <= _scored_under(run, model)]
    if len(both) < 2 or not models:
        return None
    steps: list[tuple[str, float]] = [("Clean", 0.0)]
    if headline:
        grid = robust_accuracy(run.results, both[0], headline.norm)["eps"]
        smallest = float(grid[grid > 0].min()) if (grid > 0).any() else headline.eps
        steps += [
            (f"Worst case {eps_text(eps, headline.norm)}", eps)
            for eps in sorted({smallest, headline.eps})
        ]
    threat = headline or Headline("linf", 0.0)
    fer, ferplus = map(label_set_name, both)
    panels = []
    for index, (heading, eps) in enumerate(steps):
        svg = drawing(
            f"labels-{index}",
            f"{heading}: accuracy of {', '.join(models)} under {fer} and {ferplus} labels.",
            (PHONE, 48 + 46 * len(models)),
            (150, 22, 40, 4),
            partial(label_set_bars, run.results, models=models, eps=eps, headline=threat),
        )
        panels.append(Panel(heading, [svg]))
    wanted = [pick(clean_accuracy(run.results, name), model=models) for name in both]
    for name in both if headline else []:
        wanted.append(pick(robust_accuracy(run.results, name, threat.norm), model=models))
    rows = pd.concat([*wanted, _transfer(run.results)])
    caption = (
        f"Solid teal: {fer} labels; hatched purple: {ferplus} labels{_rule(run)}; thin "
        f"line: 95\u202f% interval. {faces_counted(rows)}. "
        "A model is attacked under the labels it is scored on. "
        f"When a model of eight classes is scored on {fer} labels, contempt counts as wrong; when "
        f"one without contempt is scored on {ferplus} labels, faces labelled contempt are left "
        f"out. {_agreement(run)}"
    )
    caption += attacked_notes(run, models, headline)
    shown = rows.assign(
        label_set=rows["label_set"].map(label_set_name),
        attacked_labels=rows["attacked_labels"].map(label_set_name),
        eps=[eps_text(eps, threat.norm) for eps in rows["eps"]],
    )
    keys = {"model": "model", "label_set": "scored on", "attacked_labels": "attacked under"}
    keys["eps"] = "eps"
    table = figures_table("labels", rows, keys, shown)
    return Chart("labels", _label_title(run, headline), caption, panels, table)


def _rule(run: FinishedRun) -> str:
    """How votes become FER+ labels; empty where the data have labels in place of votes."""
    return f" ({FERPLUS_RULE})" if run.images.faces["votes"].notna().any() else ""


def _scored_under(run: FinishedRun, model: str) -> set[str]:
    rows = pick(run.results, model=model, perturbation="none", metric="accuracy", subset="all")
    return set(rows["label_set"])


def _transfer(results: pd.DataFrame) -> pd.DataFrame:
    rows = pick(results, subset="all", perturbation=WORST_CASE, metric="robust_accuracy")
    return rows[(rows["attacked_labels"] != "") & (rows["attacked_labels"] != rows["label_set"])]


def _label_title(run: FinishedRun, headline: Headline | None) -> str:
    parts = []
    for label_set in ("fer", "ferplus"):
        clean = pick(clean_accuracy(run.results, label_set), model=run.models_of(label_set))[
            "value"
        ].dropna()
        if len(clean):
            parts.append(f"{share_range(clean)} under {label_set_name(label_set)}")
    one = f"{run.models[0]} classifies" if len(run.models) == 1 else ""
    title = (
        f"{one or 'On their own labels, models classify'} {' and '.join(parts)} correctly"
        if parts
        else f"{label_set_name('fer')} and {label_set_name('ferplus')}"
    )
    whole = [model for model in run.models if run.schemes[model].is_whole] or run.models
    robust = [own_figures(run, model, headline)[1] for model in whole]
    known = [figure for figure in robust if figure.known]
    if headline is None or not known:
        return title
    highest = max(known, key=lambda figure: figure.value)
    left = f"at most {highest.text}" if highest.value > 0 else "none"
    return f"{title}; at {headline.text} {left} are still classified correctly"


def _agreement(run: FinishedRun) -> str:
    rows = run.images.faces
    rows = rows[(rows["fer"] >= 0) & (rows["ferplus"] >= 0)]
    if rows.empty:
        return ""
    translated = translate(rows["fer"].to_numpy(), FER7, FERPLUS8)
    same = int((translated == rows["ferplus"].to_numpy()).sum())
    groups = rows["group"].fillna(rows["row"]).to_numpy(np.int64)
    agreed = proportion(same, len(rows), effective=effective_size(groups))
    return (
        f"The two label sets agree on {percent(*agreed[:3])} "
        f"(95\u202f% interval {interval(*agreed[1:3])}) of the {face_count(len(rows))} "
        "with both; where they differ no answer is right under both."
    )
