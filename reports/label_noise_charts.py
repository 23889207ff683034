"""Label noise and votes: what the labels themselves cost, and how much ten people disagree.

An oracle that always answers the FER+ label (ten taggers) is wrong under the FER label (one
annotator) wherever the two differ: no classifier can be blamed for those faces alone.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from reports.dot_plot import Dot, dot_plot
from reports.drawing import PHONE, Chart, Panel, drawing, faces_counted, share_range
from reports.flip_bars import flip_bars, flip_shares
from reports.load import WORST_CASE, Headline, Run, clean_accuracy, pick
from reports.tables import Table, figures_table
from reports.text import eps_text, label_set_name, percent, words
from reports.verdict import Figure

STRATA: dict[str, Dot] = {"clear": Dot("ink", "o", True), "ambiguous": Dot("ink", "s", False)}
STATES: dict[str, Dot] = {
    "clean": Dot("clean", "o", True),
    "worst case": Dot("attacked", "s", False),
}

Rows = dict[str, pd.DataFrame]


def label_noise_charts(run: Run, headline: Headline | None) -> list[Chart]:
    """What label noise explains, clear against ambiguous faces, flips that taggers would accept."""
    charts = [
        _oracle_chart(run, headline),
        _strata_chart(run, headline),
        _flips_chart(run, headline),
        _agreement_chart(run, headline),
    ]
    return [chart for chart in charts if chart is not None]


def _oracle_chart(run: Run, headline: Headline | None) -> Chart | None:
    found = pick(run.results, metric="oracle_accuracy", subset="all", label_set="fer")
    found = found[found["value"].notna()]
    if found.empty:
        return None
    oracle = Figure.of(found.nlargest(1, "n"))
    noise = _states(run, headline, metric="label_noise_share", label_set="fer")
    gap = _states(run, headline, metric="label_gap", label_set="ferplus")
    models = [model for model in run.models if model in set(found["model"])]
    accuracy = {"clean": pick(clean_accuracy(run.results, "fer"), model=models)}
    plots = [
        ("Accuracy, FER labels; dotted: the oracle", accuracy, {"line": oracle.value}),
        ("Of the faces lost, lost by the oracle too", noise, {}),
        ("FER+ accuracy minus FER, in points", gap, {"around_zero": True}),
    ]
    panels = [
        _dots_panel(f"label-noise-{index}", heading, rows, models, STATES, **options)
        for index, (heading, rows, options) in enumerate(plots)
        if rows
    ]
    share = noise["clean"]["value"].dropna() if "clean" in noise else pd.Series(dtype=float)
    title = f"Answering every FER+ label would score {oracle.text} under FER labels"
    if len(share):
        title += f"; that noise explains {share_range(share)} of the models' clean errors"
    caption = (
        "FER labels were given in one pass, FER+ labels by ten people. Faces on which they differ "
        "count as errors of whoever follows the ten. The gap compares the same faces under both "
        "labels: right of 0 the model does better under FER+. Bars are 95\u202f% intervals; "
        f"{faces_counted(found)} that carry both labels."
    )
    rows = pd.concat([found, *accuracy.values(), *noise.values(), *gap.values()])
    return Chart("label-noise", title, caption, panels, _table("label-noise", rows))


def _strata_chart(run: Run, headline: Headline | None) -> Chart | None:
    clean = {
        name: _own(run, perturbation="none", metric="accuracy", subset=name) for name in STRATA
    }
    if any(rows["value"].dropna().empty for rows in clean.values()):
        return None
    panels = [_dots_panel("strata-0", "Clean", clean, run.models, STRATA)]
    rows = [*clean.values()]
    for index, eps in enumerate(_steps(run, headline), start=1):
        hit = {
            name: _own(
                run, perturbation=WORST_CASE, metric="robust_accuracy", subset=name, eps=eps,
                norm=_norm(headline), attacked=True,
            )
            for name in STRATA
        }  # fmt: skip
        heading = f"Worst case {eps_text(eps, _norm(headline))}"
        panels.append(_dots_panel(f"strata-{index}", heading, hit, run.models, STRATA))
        rows += hit.values()
    shares = [share_range(clean[name]["value"].dropna()) for name in STRATA]
    title = f"Models read {shares[0]} of clear faces and {shares[1]} of ambiguous ones"
    caption = (
        "Clear: at least nine of ten taggers agree; ambiguous: at most six do. Each model under "
        f"its own labels; bars are 95\u202f% intervals. {faces_counted(pd.concat(rows))}."
    )
    return Chart("strata", title, caption, panels, _table("strata", pd.concat(rows)))


def _flips_chart(run: Run, headline: Headline | None) -> Chart | None:
    if headline is None:
        return None
    panels, rows = [], []
    for index, eps in enumerate(_steps(run, headline)):
        shares = pd.concat(
            [
                flip_shares(
                    run.results, label_set=run.own_label_set(model), norm=headline.norm, eps=eps
                ).reindex([model])
                for model in run.models
            ]
        )
        if shares.isna().all(axis=None):
            continue
        where = {"eps": eps, "norm": headline.norm, "attacked": True, "perturbation": WORST_CASE}
        rows += [
            _own(run, metric=metric, **where)
            for metric in ("plausible_flip", "implausible_success_rate")
        ]
        heading = f"Worst case {eps_text(eps, headline.norm)}"
        said = "; ".join(
            f"{model} {percent(float(share), 0, 1)} implausible"
            for model, share in shares["implausible"].dropna().items()
        )
        svg = drawing(
            f"flips-{index}",
            f"{heading}: faces right before that were flipped. {said}.",
            (PHONE, 74 + 34 * len(run.models)),
            (152, 24, 66, 4),
            partial(flip_bars, shares),
        )
        panels.append(Panel(heading, [svg]))
    if not panels:
        return None
    shown = rows[-2]["value"].dropna()
    title = (
        f"At {headline.text}, {share_range(shown)} of broken faces get an answer that at least "
        "two taggers chose"
    )
    caption = (
        "Of the faces read right when clean: flipped to an emotion that at most one of ten "
        "taggers chose (implausible, solid), to one that at least two chose (plausible, hatched: "
        "a person might say so too), or standing (grey). Each model under its own labels; "
        f"{faces_counted(pd.concat(rows[1::2]))} right before."
    )
    return Chart("flips", title, caption, panels, _table("flips", pd.concat(rows)))


def _agreement_chart(run: Run, headline: Headline | None) -> Chart | None:
    rows = _states(run, headline, metric="expected_agreement", label_set="ferplus")
    if "clean" not in rows or rows["clean"]["value"].dropna().empty:
        return None
    models = [model for model in run.models if model in set(rows["clean"]["model"])]
    heading = "Expected agreement with one tagger"
    panels = [_dots_panel("agreement-0", heading, rows, models, STATES)]
    title = f"On clean faces a model agrees with {share_range(rows['clean']['value'])} of taggers"
    if "worst case" in rows and headline:
        attacked = share_range(rows["worst case"]["value"].dropna())
        title += f", at {headline.text} with {attacked}"
    caption = (
        "The chance that a tagger, drawn at random from those who named an emotion, named the "
        "one the model answers: no majority is needed, so every face counts. Bars are 95\u202f% "
        f"intervals; {faces_counted(pd.concat(rows.values()))}."
    )
    table = _table("agreement", pd.concat(rows.values()))
    return Chart("agreement", title, caption, panels, table)


def _states(run: Run, headline: Headline | None, *, metric: str, label_set: str) -> Rows:
    """Rows of a metric for clean faces and for the worst case at the headline."""
    rows = pick(run.results, metric=metric, label_set=label_set, subset="all")
    found = {"clean": pick(rows, perturbation="none")}
    if headline:
        found["worst case"] = pick(
            rows, perturbation=WORST_CASE, norm=headline.norm, eps=headline.eps,
            attacked_labels=label_set,
        )  # fmt: skip
    return {name: part for name, part in found.items() if part["value"].notna().any()}


def _own(run: Run, *, attacked: bool = False, subset: str = "all", **where: Any) -> pd.DataFrame:
    """Rows of every model under its own labels (attacked under them too)."""
    rows = pick(run.results, subset=subset, **where)
    own = rows["model"].map({model: run.own_label_set(model) for model in run.models})
    rows = rows[rows["label_set"] == own]
    return rows[rows["attacked_labels"] == rows["label_set"]] if attacked else rows


def _steps(run: Run, headline: Headline | None) -> list[float]:
    """The smallest eps of the grid and the headline's."""
    if headline is None:
        return []
    grid = pick(run.results, metric="robust_accuracy", norm=headline.norm, perturbation=WORST_CASE)
    grid = grid.loc[grid["eps"] > 0, "eps"]
    return sorted({float(grid.min()), headline.eps})


def _norm(headline: Headline | None) -> str:
    return headline.norm if headline else ""


def _dots_panel(
    name: str,
    heading: str,
    rows: Rows,
    models: list[str],
    dots: Mapping[str, Dot],
    **options: Any,
) -> Panel:
    said = "; ".join(
        f"{kind}: " + ", ".join(f"{row.model} {percent(row.value)}" for row in part.itertuples())
        for kind, part in rows.items()
    )
    svg = drawing(
        name,
        f"{heading}. {said}.",
        (PHONE, 68 + 34 * len(models)),
        (152, 24, 60, 4),
        partial(dot_plot, rows=rows, models=models, dots=dots, **options),
    )
    return Panel(heading, [svg])


METRIC_WORDS = {
    "accuracy": "accuracy",
    "robust_accuracy": "robust accuracy",
    "oracle_accuracy": "oracle's accuracy",
    "label_noise_share": "lost, and by the oracle too",
    "label_gap": "FER+ minus FER",
    "plausible_flip": "plausible among broken",
    "implausible_success_rate": "implausible among right before",
    "expected_agreement": "expected agreement",
}
"""Metric: its name in the tables of this section."""


def _table(name: str, rows: pd.DataFrame) -> Table:
    shown = rows.assign(
        label_set=rows["label_set"].map(label_set_name),
        metric=rows["metric"].map(METRIC_WORDS),
        perturbation=rows["perturbation"].map(words).replace("none", "clean"),
        eps=[
            eps_text(eps, norm or "linf")
            for eps, norm in zip(rows["eps"], rows["norm"], strict=True)
        ],
    )
    keys = {"model": "model", "label_set": "labels", "metric": "figure", "subset": "faces"}
    keys |= {"perturbation": "perturbation", "eps": "eps"}
    return figures_table(name, rows, keys, shown)
