"""Which figures carry a flag: their check failed, or their attack crashed."""

from typing import Any

import numpy as np
import pandas as pd

from evaluation.config import RunConfig
from evaluation.results import ALL_CORRUPTIONS, BEST_KNOWN, RESULT_COLUMNS, WORST_CASE


def with_status(
    results: pd.DataFrame, checks: pd.DataFrame, failed: list[dict[str, Any]], config: RunConfig
) -> pd.DataFrame:
    """Flag figures whose checks failed, and add a row for each perturbation that has none.

    The worst case carries the flags of its parts, and so do means over corruptions. A crashed
    attack, or one that the model allows no one to make, has no figure: its row holds NaN with
    n = 0, never "robust".
    """
    flagged = checks[checks.status != "ok"]
    results = results.copy()
    for check in flagged.itertuples():
        hit = results.model == check.model
        if check.perturbation:
            hit &= (results.attacked_labels == check.attacked_labels) & results.perturbation.isin(
                [check.perturbation, WORST_CASE, BEST_KNOWN]
            )
        results.loc[hit & (results.status == "ok"), "status"] = "flagged"
    errors = pd.DataFrame(
        [_error_row(entry, config) for entry in failed], columns=list(RESULT_COLUMNS)
    ).astype(RESULT_COLUMNS)
    if errors.empty:
        return results
    for entry in (entry for entry in failed if entry["status"] == "error"):
        if entry.get("shown"):  # no part of the model's own worst case
            continue
        if not entry["attacked_labels"] and not entry["norm"]:
            # a corruption: the means over all types lack it
            means = results.perturbation == ALL_CORRUPTIONS
            means &= (results.model == entry["model"]) | (not entry["model"])
            results.loc[means, "status"] = "flagged"
        worst = (results.model == entry["model"]) & (results.perturbation == WORST_CASE)
        results.loc[worst & (results.attacked_labels == entry["attacked_labels"]), "status"] = (
            "flagged"
        )
    return pd.concat([results, errors], ignore_index=True)


def _error_row(entry: dict[str, Any], config: RunConfig) -> dict[str, Any]:
    attack = bool(entry["attacked_labels"])
    return {
        "model": entry["model"],
        "label_set": entry["attacked_labels"],
        "attacked_labels": entry["attacked_labels"],
        "split": config.split,
        "subset": "all",
        "perturbation": entry["perturbation"],
        "source": entry["model"],
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
