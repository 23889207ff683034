"""Class-by-class charts: confusion clean and attacked, and the flows of an attack."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline, pick
from reports.charts.drawing import PHONE, Chart, Panel, count_range, drawing
from reports.charts.matrices import (
    attack_flows,
    attacked_confusion,
    confusion,
    confusion_matrix,
    flow_counts,
)
from reports.sections.attacks_run import mixed_note
from reports.sections.figures import flag_note
from reports.table import shares_table, table
from reports.words.attacks import attack_title
from reports.words.text import NBSP, count, face_count, label_set_name, percent

ENOUGH_FACES = 20
"""A title names only labels that at least this many faces have."""


def confusion_charts(run: FinishedRun, headline: Headline | None) -> list[Chart]:
    """Clean and attacked confusion of each model under its own labels."""
    charts = []
    for index, model in enumerate(run.models):
        own = run.own_label_set(model)
        clean = confusion(run.results, model=model, label_set=own)
        if clean.empty:
            continue
        panels = [_matrix_panel(f"confusion-{index}-clean", f"{model}, clean", clean, False)]
        shares = clean
        if headline:
            name, attacked = attacked_confusion(
                run.results, model=model, label_set=own, norm=headline.norm, eps=headline.eps
            )
            if not attacked.empty:
                attack = f"{attack_title(run.manifest, name)} {headline.text}"
                panels.append(
                    _matrix_panel(f"confusion-{index}-hit", f"{model}, {attack}", attacked, True)
                )
                shares = pd.concat({"clean": clean, attack: attacked})
                shares.index = [f"{kind}: {label}" for kind, label in shares.index]
        faces = confusion(run.results, model=model, label_set=own, value="n").max(axis=1)
        caption = (
            f"Rows: {label_set_name(own)} label; columns: the classifier's answer. Cells are "
            f"percentages of a label's faces; the diagonal is correct. {_counted(faces)}"
        )
        if headline:
            caption += mixed_note(run, [model], headline.norm)
        caption += _flags(run, model, "confusion", headline)
        title = _confusion_title(model, clean, faces)
        data = shares_table(f"confusion-{model}", shares, "label")
        charts.append(Chart(f"confusion-{index}", title, caption, panels, data))
    return charts


def flow_charts(run: FinishedRun, headline: Headline | None) -> list[Chart]:
    """Where the attack at the headline sends each class, one chart per model."""
    charts: list[Chart] = []
    if headline is None:
        return charts
    for index, model in enumerate(run.models):
        own = run.own_label_set(model)
        where: dict[str, Any] = {
            "model": model,
            "label_set": own,
            "norm": headline.norm,
            "eps": headline.eps,
        }
        counts = flow_counts(run.results, **where)
        if counts.empty or counts.to_numpy().sum() == 0:
            continue
        title = _flow_title(model, counts, headline, bound=model in run.black_boxes)
        svg = drawing(
            f"flows-{index}",
            f"Flows from labels to attacked predictions for {model}. {title}.",
            (PHONE, max(300, 34 * max(counts.shape))),
            (104, 104, 6, 6),
            partial(attack_flows, counts),
        )
        caption = (
            f"Faces classified correctly when clean. Left: their {label_set_name(own)} labels; "
            f"right: the classifier's answer in the worst case at {headline.text}. Red: faces "
            "flipped to another class, strongest the largest flow of each label; grey: faces still "
            f"classified correctly. n\u00a0=\u00a0{face_count(float(counts.to_numpy().sum()))}."
            f"{mixed_note(run, [model], headline.norm)}{_flags(run, model, 'flow', headline)}"
        )
        cells = [
            [str(label), *(count(number) for number in row)]
            for label, row in zip(counts.index, counts.to_numpy(), strict=True)
        ]
        head = ["label", *map(str, counts.columns)]
        data = table(f"flows-{model}", head, cells, counts.reset_index())
        charts.append(Chart(f"flows-{index}", title, caption, [Panel("", [svg])], data))
    return charts


def _flags(run: FinishedRun, model: str, metric: str, headline: Headline | None) -> str:
    """Say where figures of a metric are flagged, clean or at the headline, under own labels."""
    own = run.own_label_set(model)
    rows = pick(run.results, model=model, label_set=own, attacked_labels=["", own], metric=metric)
    shown = [pick(rows, eps=eps) for eps in (0.0, *([headline.eps] if headline else []))]
    return flag_note(pd.concat(shown))


def _matrix_panel(name: str, heading: str, shares: pd.DataFrame, attacked: bool) -> Panel:
    alt = f"Confusion matrix of {heading}. {_diagonal(shares)}"
    svg = drawing(
        name,
        alt,
        (PHONE, 96 + 30 * len(shares)),
        (92, 8, 88, 8),
        partial(confusion_matrix, shares, attacked=attacked),
    )
    return Panel(heading, [svg])


def _counted(faces: pd.Series) -> str:
    """`n = 400 faces, 8 to 90 of each label.`, so that a share of few faces shows as one."""
    of_each = count_range(pd.DataFrame({"n": faces}))
    return f"n{NBSP}={NBSP}{face_count(float(faces.sum()))}, {of_each} of each label."


def _diagonal(shares: pd.DataFrame) -> str:
    right = [
        f"{label} {percent(float(shares.loc[label, label]), 0, 1)}"
        for label in shares.index
        if label in shares.columns
    ]
    return f"Right: {', '.join(right)}."


def _confusion_title(model: str, clean: pd.DataFrame, faces: pd.Series) -> str:
    """Name the label that a model confuses with another at the highest rate."""
    wrong = clean[faces >= ENOUGH_FACES].copy()
    for label in wrong.index:
        if label in wrong.columns:
            wrong.loc[label, label] = np.nan
    if wrong.notna().sum().sum() == 0 or wrong.max(axis=None) == 0:
        return f"{model}: what each label is classified as"
    label, prediction = wrong.stack().idxmax()
    share = percent(float(wrong.loc[label, prediction]), 0, 1)
    title = (
        f"{model} classifies {share} of clean faces labelled {label} as {prediction}: its highest "
        "rate of confusion"
    )
    small = bool(((faces > 0) & (faces < ENOUGH_FACES)).any())
    return title + f" among labels with at least {ENOUGH_FACES} faces" * small


def _flow_title(model: str, counts: pd.DataFrame, headline: Headline, *, bound: bool) -> str:
    """Say which share of the faces classified correctly is robust, and where the others end.

    Args:
        model: its id.
        counts: faces by label and attacked answer.
        headline: the threat.
        bound: whether the model is a black box, so that fewer may be robust.
    """
    total = counts.sum(axis=0)
    correct = float(np.diag(counts).sum())
    moved = total - np.diag(counts)
    if moved.sum() == 0:
        return f"At {headline.text}, no face that {model} classifies correctly is flipped"
    name = moved.idxmax()
    share = percent(float(moved[name] / moved.sum()), 0, 1)
    whole = f"of the faces that {model} classifies correctly when clean"
    if correct == 0:
        return f"At {headline.text}, none {whole} is robust; {share} of them end as {name}"
    kept = f"{'at most ' * bound}{percent(correct / total.sum(), 0, 1)}"
    return (
        f"At {headline.text}, {kept} {whole} are robust; {share} of the flipped ones end as {name}"
    )
