"""Label noise and votes: the effect of wrong labels, and how much annotators disagree.

An oracle that always answers the FER+ label (votes of annotators) is wrong under the FER label (one
annotator) wherever the two differ: those errors are not the classifier's fault alone.
"""

from typing import Any

import numpy as np
import pandas as pd

from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline, pick
from reports.charts.drawing import Chart, count_range, share_range
from reports.sections.attacks_run import mixed_note
from reports.sections.figures import Figure
from reports.sections.vote_rows import STATES, Rows, dots_panel, noise_table, states
from reports.sections.votes import agreement_chart, flips_chart, strata_chart
from reports.words.text import label_set_name


def label_noise_charts(run: FinishedRun, headline: Headline | None) -> list[Chart]:
    """Label noise, clear against ambiguous faces, plausible flips, agreement with one annotator."""
    charts = [
        _oracle_chart(run, headline),
        strata_chart(run, headline),
        flips_chart(run, headline),
        agreement_chart(run, headline),
    ]
    return [chart for chart in charts if chart is not None]


def _oracle_chart(run: FinishedRun, headline: Headline | None) -> Chart | None:
    found = pick(run.results, metric="oracle_accuracy", subset="all", label_set="fer")
    found = found[found["value"].notna()]
    if found.empty:
        return None
    fer, ferplus = label_set_name("fer"), label_set_name("ferplus")
    oracle = Figure.of(found.nlargest(1, "n"))
    noise = states(run, headline, metric="label_noise_share", label_set="fer")
    gap = states(run, headline, metric="label_gap", label_set="ferplus")
    models = [model for model in run.models if model in set(found["model"])]
    beside = pick(run.results, metric="oracle_faces_accuracy", subset="all", label_set="fer")
    accuracy = {"clean": pick(beside, model=models)}
    plots: list[tuple[str, Rows, dict[str, Any]]] = [
        (f"Accuracy, {fer} labels; dotted: the oracle", accuracy, {"line": oracle.value}),
        (f"Errors that give the {ferplus} label", noise, {}),
        (f"{ferplus} accuracy minus {fer}, in points", gap, {"around_zero": True}),
    ]
    panels = [
        dots_panel(f"label-noise-{index}", heading, rows, models, STATES, **options)
        for index, (heading, rows, options) in enumerate(plots)
        if rows
    ]
    share = noise["clean"]["value"].dropna() if "clean" in noise else pd.Series(dtype=float)
    title = f"Always answering the {ferplus} label would score {oracle.text} under {fer} labels"
    if len(share):
        title += f"; {share_range(share)} of a model's clean errors give the {ferplus} label"
    caption = (
        f"{fer} has one label for each face, {ferplus} labels rest on the votes of "
        f"{_annotators(run)} annotators. Where "
        f"they differ, an answer that agrees with the votes is wrong under {fer}: an error that "
        f"label noise explains. The oracle (dotted) always answers the {ferplus} label. Answers "
        "that match neither label are errors under both. "
        "The errors are those among the faces with both labels "
        f"(n\u00a0=\u00a0{count_range(found)}). The "
        "difference in accuracy is over the same faces for both label sets, but for those whose "
        "label the model has no class for: right of 0 the model does better under "
        f"{ferplus}. Its worst "
        "case is over the attacks that a face met under both. Bars are "
        f"95\u202f% intervals.{mixed_note(run, models, headline.norm) if headline else ''}"
    )
    rows = pd.concat([found, *accuracy.values(), *noise.values(), *gap.values()])
    return Chart("label-noise", title, caption, panels, noise_table("label-noise", rows))


def _annotators(run: FinishedRun) -> str:
    """The number of annotators of a face, such as `10`, or `9 to 12` where it differs."""
    votes = run.images.faces["votes"].dropna()
    if votes.empty:
        return "several"
    totals = np.stack(votes.to_numpy()).sum(axis=1)
    few, many = int(totals.min()), int(totals.max())
    return str(few) if few == many else f"{few} to {many}"
