"""Groups of faces: figures of each, and gaps to the others, in a run with `--groups`."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from datasets.base.percentages import share_in_percent
from evaluation.results.run import FinishedRun
from evaluation.results.schema import FEW_FACES, LEAST_FACES, WORST_CASE
from evaluation.results.select import Headline, pick
from reports.sections.figures import Figure, bound, marked, ranked
from reports.table import Table, table
from reports.words.text import MISSING, NBSP, count, decimal, label_set_name, listing


@dataclass(frozen=True)
class Subgroups:
    """The panel of groups.

    Attributes:
        findings: one sentence per model: which gaps are distinguishable.
        main: the first of them with such a gap, else the first.
        figures: accuracy of each group and model.
        gaps: each group against the others.
        notes: groups with few faces, and those that are not shown.
    """

    findings: list[str]
    main: str
    figures: Table
    gaps: Table
    notes: list[str]


def subgroup_panel(run: FinishedRun, headline: Headline | None) -> Subgroups | None:
    """Figures and gaps of groups of faces, each model under its own labels; None without groups."""
    faces = run.images.faces
    if faces.empty or faces["subgroups"].isna().any():
        return None
    sizes = Counter(name for names in faces["subgroups"] for name in names)
    shown = sorted(name for name, size in sizes.items() if size >= LEAST_FACES)
    own = [(model, run.own_label_set(model)) for model in ranked(run)]
    rows = [row for model, labels in own for row in _figures(run, model, labels, shown, headline)]
    worst = f"worst case {headline.text}" if headline else "worst case"
    head = ["model", "labels", "group", "faces", "clean accuracy", worst]
    names = [*head[:3], "n", "accuracy", "low", "high", "status"]
    names += ["robust", "robust_low", "robust_high", "robust_status", "upper_bound"]
    data = pd.DataFrame([plain for _, plain in rows], columns=names)
    title = "Accuracy of each group of faces, clean and attacked"
    figures = table("groups", head, [cells for cells, _ in rows], data, title)
    gaps = pd.concat([pick(run.gaps, model=model, label_set=labels) for model, labels in own])
    gaps = gaps.assign(status=[_status(run, row) for row in gaps.itertuples()])
    findings = {model: _finding(model, pick(gaps, model=model)) for model, _ in own}
    unequal = set(gaps.loc[gaps["distinguishable"].astype(bool), "model"]) if len(gaps) else set()
    told = [text for model, text in findings.items() if model in unequal]
    main = next(iter([*told, *findings.values()]))
    return Subgroups(
        [*findings.values()],
        main,
        figures,
        _gap_table(gaps, worst),
        _notes(sizes),
    )


def _figures(
    run: FinishedRun, model: str, labels: str, shown: list[str], headline: Headline | None
) -> list[tuple[list[str], list[object]]]:
    """Cells and numbers of the groups of one model."""
    found = []
    own = pick(run.results, model=model, label_set=labels, subset=shown)
    for name in shown:
        of_group = pick(own, subset=name)
        clean = Figure.of(pick(of_group, perturbation="none", metric="accuracy"))
        robust = Figure.of(
            pick(
                of_group, perturbation=WORST_CASE, metric="robust_accuracy", norm=headline.norm,
                eps=headline.eps, attacked_labels=labels,
            )
            if headline
            else of_group.iloc[:0]
        )  # fmt: skip
        if not clean.known:
            continue
        texts = [_text(clean), _text(robust, bound(run, model))]
        few = " \N{WARNING SIGN}" if clean.n < FEW_FACES else ""
        cells = [model, label_set_name(labels), f"{name}{few}", count(clean.n), *texts]
        numbers = [(one.value, one.low, one.high, one.status) for one in (clean, robust)]
        upper = model in run.black_boxes
        names = [model, run.label_name(labels), name]
        found.append((cells, [*names, clean.n, *numbers[0], *numbers[1], upper]))
    return found


def _text(figure: Figure, sign: str = "") -> str:
    if not figure.known:
        return MISSING
    return marked(f"{sign}{figure.text} ({figure.interval})", figure.status)


def _status(run: FinishedRun, gap: Any) -> str:
    """Status of the figures that a gap is between: the model's own over all faces."""
    metric = "accuracy" if gap.perturbation == "none" else "robust_accuracy"
    figure = pick(
        run.results, model=gap.model, label_set=gap.label_set, subset="all", norm=gap.norm,
        perturbation=gap.perturbation, metric=metric, eps=gap.eps,
    )  # fmt: skip
    own = figure[figure["attacked_labels"].isin(["", gap.label_set])]
    return next((status for status in own["status"] if status != "ok"), "ok")


def _gap_table(gaps: pd.DataFrame, worst: str) -> Table:
    head = ["model", "group", "against", "figure", "gap, points", "p (Holm)", "smallest gap shown"]
    rows = [
        [
            row.model,
            f"{row.subset} ({count(row.n)})",
            f"{row.others} ({count(row.others_n)})",
            worst if row.perturbation == WORST_CASE else "clean",
            marked(
                f"{decimal(100 * row.gap, 1)} ({decimal(100 * row.ci_low, 1)} to "
                f"{decimal(100 * row.ci_high, 1)})",
                row.status,
            ),
            "<0.001" if row.p_holm < 0.001 else f"{row.p_holm:.3f}",
            share_in_percent(row.smallest_gap) if np.isfinite(row.smallest_gap) else "none",
        ]
        for row in gaps.itertuples()
    ]
    return table("gaps", head, rows, gaps, "Gaps between groups of faces")


def _finding(model: str, gaps: pd.DataFrame) -> str:
    if gaps.empty:
        return f"{model}: no two groups have enough faces to be compared."
    found = [
        f"{row.subset} {marked(decimal(abs(100 * row.gap), 1), row.status)} points "
        f"{'below' if row.gap < 0 else 'above'} {row.others} "
        f"({'attacked' if row.perturbation == WORST_CASE else 'clean'})"
        for row in gaps[gaps["distinguishable"]].itertuples()
    ]
    if found:
        return f"{model}: {listing(found)}."
    reach = []
    for figure, of_figure in gaps.groupby("perturbation", sort=False):
        smallest = of_figure["smallest_gap"].min()
        where = "attacked" if figure == WORST_CASE else "clean"
        if np.isfinite(smallest):
            reach.append(f"{share_in_percent(smallest)}{NBSP}points ({where})")
    shows = (
        f"this many faces show one of {listing(reach)} four times in five"
        if reach
        else "this many faces could show none"
    )
    return f"{model}: no gap is distinguishable; {shows}."


def _notes(sizes: Counter[str]) -> list[str]:
    few = sorted(name for name, size in sizes.items() if LEAST_FACES <= size < FEW_FACES)
    hidden = sorted(name for name, size in sizes.items() if size < LEAST_FACES)
    notes = []
    if few:
        warned = [f"{name} ({sizes[name]})" for name in few]
        notes.append(
            f"\N{WARNING SIGN} Fewer than {FEW_FACES} faces, so intervals are wide: "
            f"{listing(warned)}."
        )
    if hidden:
        left = [f"{name} ({sizes[name]})" for name in hidden]
        notes.append(f"Fewer than {LEAST_FACES} faces, so not shown: {listing(left)}.")
    return notes
