"""Votes: clear against ambiguous faces, plausible flips, agreement with one annotator."""

from functools import partial
from typing import Any

import pandas as pd

from evaluation.results.run import FinishedRun
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import Headline, pick
from reports.charts.dot_plot import Dot
from reports.charts.drawing import (
    PHONE,
    Chart,
    Panel,
    drawing,
    faces_counted,
    faces_range,
    share_range,
)
from reports.charts.flip_bars import flip_bars, flip_shares
from reports.sections.attacks_run import attacked_notes
from reports.sections.vote_rows import STATES, dots_panel, noise_table, own_rows, states
from reports.words.text import eps_text, label_set_name, percent

STRATA: dict[str, Dot] = {"clear": Dot("ink", "o", True), "ambiguous": Dot("ink", "s", False)}
"""Clear and ambiguous faces as dots."""


def strata_chart(run: FinishedRun, headline: Headline | None) -> Chart | None:
    """Faces on which annotators agree against faces on which they do not, clean and attacked."""
    clean = {
        name: own_rows(run, perturbation="none", metric="accuracy", subset=name) for name in STRATA
    }
    if any(rows["value"].dropna().empty for rows in clean.values()):
        return None
    panels = [dots_panel("strata-0", "Clean", clean, run.models, STRATA)]
    rows = [*clean.values()]
    for index, eps in enumerate(_steps(run, headline), start=1):
        hit = {
            name: own_rows(
                run, perturbation=WORST_CASE, metric="robust_accuracy", subset=name, eps=eps,
                norm=_norm(headline), attacked=True,
            )
            for name in STRATA
        }  # fmt: skip
        heading = f"Worst case {eps_text(eps, _norm(headline))}"
        panels.append(dots_panel(f"strata-{index}", heading, hit, run.models, STRATA))
        rows += hit.values()
    shares = [share_range(clean[name]["value"].dropna()) for name in STRATA]
    who = f"{run.models[0]} classifies" if len(run.models) == 1 else "Models classify"
    title = f"{who} {shares[0]} of clear and {shares[1]} of ambiguous faces correctly"
    caption = (
        "Clear: at least 90\u202f% of the annotators chose the same; ambiguous: at most 60\u202f% "
        "did. Each model "
        f"under its own labels; bars are 95\u202f% intervals. {faces_counted(pd.concat(rows))}."
        f"{attacked_notes(run, run.models, headline)}"
    )
    return Chart("strata", title, caption, panels, noise_table("strata", pd.concat(rows)))


def flips_chart(run: FinishedRun, headline: Headline | None) -> Chart | None:
    """Flips to an answer that annotators chose too, other flips, and faces still correct."""
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
        where: dict[str, Any] = {"perturbation": WORST_CASE, "norm": headline.norm, "eps": eps}
        rows += [
            own_rows(run, metric=metric, attacked=True, **where)
            for metric in ("plausible_flip", "implausible_success_rate")
        ]
        heading = f"Worst case {eps_text(eps, headline.norm)}"
        described = "; ".join(
            f"{model} {percent(float(share), 0, 1)} implausible"
            for model, share in shares["implausible"].dropna().items()
        )
        svg = drawing(
            f"flips-{index}",
            f"{heading}: flips of the faces classified correctly when clean. {described}.",
            (PHONE, 74 + 34 * len(run.models)),
            (152, 24, 66, 4),
            partial(flip_bars, shares),
        )
        panels.append(Panel(heading, [svg]))
    if not panels:
        return None
    shown = rows[-2]["value"].dropna()
    title = (
        f"{panels[-1].heading}: {share_range(shown)} of broken faces get an answer that at least "
        "two annotators chose"
        if len(shown)
        else f"{panels[-1].heading}: no face was broken"
    )
    caption = (
        "Faces classified correctly when clean: flipped to an emotion that at most one "
        "annotator chose (implausible, solid), flipped to one that at least two chose "
        "(plausible, hatched: a person might choose it too), or robust (grey). "
        f"Each model under its own labels; {faces_counted(pd.concat(rows[1::2]))}."
        f"{attacked_notes(run, run.models, headline)}"
    )
    return Chart("flips", title, caption, panels, noise_table("flips", pd.concat(rows)))


def agreement_chart(run: FinishedRun, headline: Headline | None) -> Chart | None:
    """How often one annotator drawn at random agrees with each model, clean and attacked."""
    rows = states(run, headline, metric="expected_agreement", label_set="ferplus")
    if "clean" not in rows or rows["clean"]["value"].dropna().empty:
        return None
    models = [model for model in run.models if model in set(rows["clean"]["model"])]
    heading, ferplus = "Expected agreement with one annotator", label_set_name("ferplus")
    panels = [dots_panel("agreement-0", heading, rows, models, STATES)]
    title = (
        f"On {faces_range(rows['clean'], 'clean')} a model agrees with "
        f"{share_range(rows['clean']['value'])} of the annotators who named an emotion"
    )
    if "worst case" in rows and headline:
        attacked = share_range(rows["worst case"]["value"].dropna())
        title += f", at {headline.text} with {attacked}"
    caption = (
        "Probability that an annotator, drawn at random from those who named an emotion, named "
        f"the one that the model answers. Only faces with a label of {ferplus} that the model has "
        f"as a class count, since only they can be attacked under {ferplus} labels: a model "
        "without contempt has fewer of them. Bars are 95\u202f% intervals; "
        f"{faces_counted(pd.concat(rows.values()))}."
        f"{attacked_notes(run, models, headline)}"
    )
    table = noise_table("agreement", pd.concat(rows.values()))
    return Chart("agreement", title, caption, panels, table)


def _steps(run: FinishedRun, headline: Headline | None) -> list[float]:
    """The smallest eps of the grid and the headline's."""
    if headline is None:
        return []
    grid = pick(run.results, metric="robust_accuracy", norm=headline.norm, perturbation=WORST_CASE)
    grid = grid.loc[grid["eps"] > 0, "eps"]
    return sorted({float(grid.min()), headline.eps})


def _norm(headline: Headline | None) -> str:
    return headline.norm if headline else ""
