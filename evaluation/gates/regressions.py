"""`--fail-on-regression`: which figures of a run are significantly worse than those of its base.

Every accuracy and robust accuracy of the base is a requirement. It is missed where the paired test
of `evaluation/comparing/changes.py` (Holm's correction over all of them) says that the figure is
lower, and it is lower by more than the points allowed. A figure that was not compared, or that a
failed check makes void, cannot be judged.
"""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from datasets.base.counted import counted
from evaluation.checks.rules import Rank, failed_rules
from evaluation.comparing.change_table import images_of, p_text, points
from evaluation.comparing.changes import Changes, identity
from evaluation.gates.case import Case, Outcome
from evaluation.results.run import FinishedRun

NEXT = (
    "next: look at the figures in the report of the run. If the loss is meant, make this run the "
    "new base; else undo the change that caused it"
)
"""What to do about a regression."""


def regressions(
    before: FinishedRun, after: FinishedRun, changes: Changes, allowed: float
) -> list[Case]:
    """Judge every accuracy and robust accuracy of the base.

    Args:
        before: the base.
        after: the run that must not be worse.
        changes: of these two runs, and perhaps of others.
        allowed: points by which a figure may be lower.
    """
    rows = changes.table[(changes.table.run == str(after.folder)) & changes.table.p_value.notna()]
    compared = {
        (row.model, row.label_set, identity(row._asdict())): row for row in rows.itertuples()
    }
    cases = []
    for row in _figures(before.results).itertuples():
        labels = before.label_name(row.label_set)
        change = compared.get((row.model, labels, identity(row._asdict())))
        outcome, message = _judged(change, _void(before, after, row), allowed)
        requirement = f"{row.metric.replace('_', ' ')}, {images_of(row)}"
        message = f"{requirement}: {message}"
        cases.append(Case(row.model, labels, requirement, outcome, message))
    return cases


def unknown_lines(cases: Iterable[Case]) -> list[str]:
    """One line per model and label set whose figures cannot be judged, with the first of them."""
    found: dict[str, list[Case]] = {}
    for case in cases:
        found.setdefault(case.where, []).append(case)
    return [
        one.line if not others else f"{one.line} (and {len(others)} more)"
        for one, *others in found.values()
    ]


def _figures(results: pd.DataFrame) -> pd.DataFrame:
    """The base's accuracies of all images, clean, corrupted and attacked at an eps above 0."""
    attacked = (results.metric == "robust_accuracy") & (results.eps > 0)
    own = results.attacked_labels.isin([""]) | (results.attacked_labels == results.label_set)
    whole = (results.subset == "all") & (results.n > 0) & own
    return results[whole & ((results.metric == "accuracy") | attacked)]


def _void(before: FinishedRun, after: FinishedRun, row: Any) -> str:
    """Why failed checks make the figure of one of the runs void; empty where none does."""
    for run in (before, after):
        if rules := failed_rules(run.checks, row.model, row.label_set, Rank.NONE):
            return f"void, {' and '.join(rules)} failed in {run.folder}"
    return ""


def _judged(change: Any, void: str, allowed: float) -> tuple[Outcome, str]:
    if change is None:
        return Outcome.UNKNOWN, "not compared, the notes say why"
    gap, low, high = (points(end) for end in (change.difference, change.ci_low, change.ci_high))
    text = (
        f"{change.before:.4f} before, {change.after:.4f} now, {gap} points (95 % interval {low} to "
        f"{high}, {counted(change.n, 'face')}, p {p_text(change.p_holm)} after Holm's correction)"
    )
    text += "" if change.status == "ok" else "; flagged in a run"
    if void:
        return Outcome.UNKNOWN, f"{text}; {void}"
    if not change.changed:
        return Outcome.HELD, f"{text}: not significantly different"
    if change.difference > 0:
        return Outcome.HELD, f"{text}: better"
    if -100 * change.difference <= allowed + 1e-9:
        return Outcome.HELD, f"{text}: worse, by no more than {allowed:g} points"
    return Outcome.MISSED, f"{text}: worse"
