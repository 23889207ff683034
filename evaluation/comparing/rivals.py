"""The rivals of a run: the models that one ranking compares, and so one family of tests.

Rules: R11, R18 (Holm's correction over the pairs of rivals), and those whose `rank` is NONE. Not
here: the ranking itself (`evaluation/comparing/ranking.py`), which may be over several runs.
"""

from collections.abc import Mapping

import pandas as pd

from datasets.labels import SCHEMES, LabelScheme
from evaluation.checks.rules import VOIDING, Rank, failed_rules
from evaluation.results.schema import WHITE_BOX
from evaluation.results.select import black_boxes, crashed, pick, rankable


def is_whole(
    model: str,
    label_set: str,
    scheme: LabelScheme | None,
    results: pd.DataFrame,
    checks: pd.DataFrame,
) -> bool:
    """Whether a worst case is over all attacks and classes, and each face has one answer (R11).

    Args:
        model: id of the model.
        label_set: label set that it is attacked and scored under.
        scheme: its classes; None if unknown.
        results: rows of `results.parquet`.
        checks: rows of `checks.parquet`.
    """
    if scheme is not None and not scheme.is_whole:
        return False
    if model in crashed(results, label_set):
        return False
    answers = pick(checks, model=model, check=VOIDING)
    return bool((answers["status"] == "ok").all())


def rivals_of(
    results: pd.DataFrame, checks: pd.DataFrame, schemes: Mapping[str, LabelScheme]
) -> dict[str, list[str]]:
    """Models that are ranked together, by label set: those that were trained on it.

    Args:
        results: rows of `results.parquet`, with their status.
        checks: rows of `checks.parquet`.
        schemes: classes of each model that classified the clean faces.
    """
    bounds = black_boxes(results) | set(pick(checks, check=WHITE_BOX)["model"])
    scored = {model: set(rows["label_set"]) - {""} for model, rows in results.groupby("model")}
    models: dict[str, list[str]] = {}
    for model, scheme in schemes.items():
        own, found = str(scheme.label_set), scored.get(model, set())
        if own not in found:
            own = next((name for name in [*SCHEMES, *sorted(found)] if name in found), own)
        models.setdefault(own, []).append(model)
    return {
        label_set: rankable(
            names,
            bounds,
            {
                name
                for name in names
                if failed_rules(checks, name, label_set, Rank.NONE)
                or not is_whole(name, label_set, schemes[name], results, checks)
            },
        )
        for label_set, names in models.items()
    }
