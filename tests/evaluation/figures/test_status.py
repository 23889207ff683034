"""Which figures a failed check or a crash flags."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.figures.status import noise_alone, with_status
from evaluation.results.schema import (
    ALL_CORRUPTIONS,
    AWAY_FROM_HEADLINE,
    CHECK_COLUMNS,
    RESULT_COLUMNS,
)
from tests.evaluation import tiny

GAP = ("net", "ferplus", "worst_case", "label_gap")
CLEAN_GAP = ("net", "", "none", "label_gap")
WORST = [("net", name, "worst_case", "robust_accuracy") for name in ("fer", "ferplus")]
BEST = [("net", name, "best_known", "best_known_accuracy") for name in ("fer", "ferplus")]
PGD = ("net", "fer", "pgd", "robust_accuracy")
FGSM = ("net", "ferplus", "fgsm", "robust_accuracy")
NOISE = [("net", name, "noise", "robust_accuracy") for name in ("fer", "ferplus")]
MEANS = [(model, "", ALL_CORRUPTIONS, "mean_corruption_accuracy") for model in ("net", "base")]
MCE = [(model, "", ALL_CORRUPTIONS, "mce") for model in ("net", "base")]
ERROR = ("net", "", "fog", "corruption_error")
FOG = ("net", "", "fog", "mean_corruption_accuracy")
OTHERS = [("other", name, "worst_case", metric) for _, name, _, metric in (*WORST, GAP)]
FIGURES = [GAP, CLEAN_GAP, *WORST, *BEST, PGD, FGSM, *NOISE, *MEANS, *MCE, ERROR, FOG, *OTHERS]
NAMES = ["model", "attacked_labels", "perturbation", "metric"]


def figures() -> pd.DataFrame:
    rows = pd.DataFrame(FIGURES, columns=NAMES).reindex(columns=list(RESULT_COLUMNS))
    rows = rows.assign(status="ok", n=1, seed=0, detail="")
    rows.loc[rows.metric.isin(["mce", "corruption_error"]), "detail"] = "base"
    return rows.astype(RESULT_COLUMNS)


def flagged(checks: list[dict[str, Any]], failed: list[dict[str, Any]]) -> set[tuple]:
    """Figures that are flagged, by model, attacked labels, perturbation and metric."""
    results = with_status(
        figures(),
        pd.DataFrame(checks, columns=list(CHECK_COLUMNS)),
        failed,
        tiny.config(),
    )
    assert list(results.status[len(FIGURES) :]) == [entry["status"] for entry in failed]
    return set(results.loc[results.status == "flagged", NAMES].itertuples(index=False, name=None))


def crashed(model: str, labels: str, name: str, norm: str = "", **more: object) -> dict[str, Any]:
    entry = {"model": model, "attacked_labels": labels, "perturbation": name, "norm": norm}
    return entry | {"grid": [0.1], "status": "error", "message": "boom"} | more


def failing(model: str, labels: str, name: str) -> dict[str, Any]:
    where = {"model": model, "attacked_labels": labels, "perturbation": name}
    return where | {"rule": "R6", "check": "converged", "status": "flagged", "message": "weak"}


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (failing("net", "fer", "pgd"), {PGD, WORST[0], BEST[0], GAP}),
        (failing("net", "ferplus", "pgd"), {WORST[1], BEST[1], GAP}),
        (failing("net", "", ALL_CORRUPTIONS), {MEANS[0], MCE[0]}),
        (failing("other", "", ""), set(OTHERS)),
    ],
)
def test_a_failed_check(check: dict[str, Any], expected: set[tuple]) -> None:
    assert flagged([check], []) == expected
    assert flagged([check | {"status": "ok"}], []) == set()


def test_a_check_of_the_other_eps_spares_the_headline_but_no_curve_up_to_it() -> None:
    rows = pd.DataFrame({"perturbation": ["pgd"] * 3 + ["worst_case"] * 6})
    eps = [0.02, 0.1, np.nan, 0.02, 0.1, np.nan, 0.02, 0.02, 0.02]
    rows = rows.assign(eps=eps, metric="robust_accuracy")
    rows = rows.assign(model="net", attacked_labels="fer", status="ok", n=1, seed=0)
    rows.loc[6, "attacked_labels"] = "ferplus"
    rows.loc[7:, "metric"] = ["security_curve_area", "median_smallest_eps"]
    rows = rows.reindex(columns=list(RESULT_COLUMNS)).astype(RESULT_COLUMNS)

    def flagged_rows(name: str) -> list[int]:
        entry = failing("net", "fer", "pgd") | {"check": name}
        checks = pd.DataFrame([entry], columns=list(CHECK_COLUMNS))
        results = with_status(rows, checks, [], tiny.config())
        return results.index[results.status == "flagged"].tolist()

    assert flagged_rows("converged") == [0, 1, 2, 3, 4, 5, 7, 8]
    assert flagged_rows(AWAY_FROM_HEADLINE) == [1, 2, 4, 5, 7, 8]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (crashed("net", "fer", "apgd", "linf"), {WORST[0], BEST[0], GAP}),
        (crashed("net", "ferplus", "apgd", "linf"), {WORST[1], BEST[1], GAP}),
        (crashed("net", "fer", "apgd", "linf", shown=True), set()),
        (crashed("net", "fer", "apgd", "linf", status="not applicable"), set()),
        (crashed("net", "", "smooth0.1", "l2"), set()),
        (crashed("net", "", "rain"), {MEANS[0], MCE[0]}),
        (crashed("", "", "rain"), {*MEANS, *MCE}),
        (crashed("base", "", "rain"), {MEANS[1], *MCE, ERROR}),
    ],
)
def test_a_crash(entry: dict[str, Any], expected: set[tuple]) -> None:
    assert flagged([], [entry]) == expected


def test_noise_alone_is_no_worst_case() -> None:
    rows = figures()
    rows = rows[rows.perturbation != "fgsm"]
    failed = [crashed("net", "ferplus", "fgsm", "linf"), crashed("net", "fer", "apgd", "linf")]
    results = with_status(rows, pd.DataFrame(columns=list(CHECK_COLUMNS)), failed, tiny.config())
    left = set(results[NAMES].itertuples(index=False, name=None))
    assert set(FIGURES) - left == {WORST[1], GAP}
    assert results.value[results.perturbation == "fgsm"].isna().all()
    skipped = [entry | {"status": "not applicable"} for entry in failed]
    assert noise_alone(rows, skipped) == set()
    assert noise_alone(rows, [failed[0] | {"shown": True}]) == set()
    assert noise_alone(rows, [crashed("net", "", "rain")]) == set()
