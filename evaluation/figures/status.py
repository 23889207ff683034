"""Which figures are flagged: their check failed, or their attack crashed."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evaluation.config import RunConfig
from evaluation.figures.attack import OF_CURVE
from evaluation.results.schema import (
    ALL_CORRUPTIONS,
    AWAY_FROM_HEADLINE,
    BEST_KNOWN,
    RESULT_COLUMNS,
    WORST_CASE,
)
from evaluation.results.select import headline_eps

Attacked = tuple[str, str]
"""A model, and the labels that it is attacked under."""
_RELATIVE = ("corruption_error", "relative_corruption_error", "mce", "relative_mce")
"""Metrics whose `detail` is the model that they are relative to."""


def with_status(
    results: pd.DataFrame, checks: pd.DataFrame, failed: list[dict[str, Any]], config: RunConfig
) -> pd.DataFrame:
    """Flag figures whose checks failed, and add a row for each perturbation without figures.

    The worst case has the flags of its parts, and so do the gap between the label sets, means
    over corruptions and errors relative to a baseline. A check of the other eps spares figures at
    the headline's, but not those of a curve up to it. A crashed attack, or one that cannot be made
    on the model, has no figure: its row holds NaN with n = 0, never "robust".
    """
    results = without_worst_case(results, noise_alone(results, failed)).copy()
    for check in checks[checks.status != "ok"].itertuples():
        hit = results.model == check.model
        if check.perturbation:
            part = (results.attacked_labels == check.attacked_labels) & (
                results.perturbation == check.perturbation
            )
            hit &= part | _needs_all_attacks(results, check.attacked_labels)
        if check.check == AWAY_FROM_HEADLINE:
            top = headline_eps(config.eps, config.norm)
            elsewhere = ~np.isclose(results.eps.to_numpy(), top, atol=1e-9, rtol=0)
            hit &= elsewhere | results.metric.isin(OF_CURVE)
        results.loc[hit, "status"] = "flagged"
    errors = pd.DataFrame(
        [_error_row(entry, config) for entry in failed], columns=list(RESULT_COLUMNS)
    ).astype(RESULT_COLUMNS)
    if errors.empty:
        return results
    for entry in (entry for entry in failed if entry["status"] == "error"):
        if entry.get("shown"):  # no part of the model's own worst case
            continue
        if entry["attacked_labels"]:
            hit = results.model == entry["model"]
            hit &= _needs_all_attacks(results, entry["attacked_labels"])
        elif entry["norm"]:  # a certificate: nothing else needs it
            continue
        else:
            hit = _needs_all_corruptions(results, entry["model"])
        results.loc[hit, "status"] = "flagged"
    return pd.concat([results, errors], ignore_index=True)


def noise_alone(results: pd.DataFrame, failed: Sequence[Mapping[str, Any]]) -> set[Attacked]:
    """What random noise alone was tried on, since every attack failed.

    Args:
        results: rows of figures.
        failed: entries of the manifest's `perturbations` that produced no images.
    """
    errors = [each for each in failed if each["status"] == "error" and each["attacked_labels"]]
    no_attack = results.perturbation.isin(["noise", WORST_CASE, BEST_KNOWN])
    attacked = results[(results.metric == "robust_accuracy") & ~no_attack]
    made = set(zip(attacked.model, attacked.attacked_labels, strict=True))
    own = [each for each in errors if not each.get("shown")]
    return {(each["model"], each["attacked_labels"]) for each in own} - made


def without_worst_case(results: pd.DataFrame, of: Collection[Attacked]) -> pd.DataFrame:
    """The figures without the worst cases of some models and labels, and gaps to other labels."""
    hit = pd.Series(False, index=results.index)
    for model, labels in of:
        hit |= (results.model == model) & _needs_all_attacks(results, labels)
    return results[~(hit & (results.perturbation == WORST_CASE))]


def _needs_all_attacks(results: pd.DataFrame, attacked_labels: str) -> pd.Series:
    """Mask of the worst case of a label set, and of the gap between the two label sets."""
    over_all = results.perturbation.isin([WORST_CASE, BEST_KNOWN])
    gap = (results.metric == "label_gap") & bool(attacked_labels)
    return over_all & ((results.attacked_labels == attacked_labels) | gap)


def _needs_all_corruptions(results: pd.DataFrame, model: str) -> pd.Series:
    """Mask of a model's means over corruptions, and of errors relative to its own.

    Without a model, of all models.
    """
    own = (results.perturbation == ALL_CORRUPTIONS) & ((results.model == model) | (not model))
    return own | ((results.detail == model) & results.metric.isin(_RELATIVE))


def _error_row(entry: dict[str, Any], config: RunConfig) -> dict[str, Any]:
    attack = bool(entry["attacked_labels"])
    return {
        "model": entry["model"],
        "label_set": entry["attacked_labels"],
        "attacked_labels": entry["attacked_labels"],
        "split": config.split,
        "subset": "all",
        "perturbation": entry["perturbation"],
        "source": entry.get("source", entry["model"]),
        "norm": entry["norm"],
        "eps": entry["grid"][-1] if attack else np.nan,
        "severity": pd.NA,
        "metric": _metric(entry),
        "detail": entry["message"],
        "value": np.nan,
        "ci_low": np.nan,
        "ci_high": np.nan,
        "n": 0,
        "seed": config.seed,
        "status": entry["status"],
    }


def _metric(entry: dict[str, Any]) -> str:
    if entry.get("shown"):
        return "transfer_accuracy"
    if entry["attacked_labels"]:
        return "robust_accuracy"
    return "certified_accuracy" if entry["norm"] else "accuracy"
