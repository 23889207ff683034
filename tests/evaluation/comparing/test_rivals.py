"""Which models of a run are one family of tests: those that its ranking compares."""

from pathlib import Path

import pandas as pd
import pytest

from evaluation.comparing.ranking import run_rankings
from evaluation.comparing.rivals import rivals_of
from evaluation.results.run import FinishedRun
from evaluation.results.schema import ANY_BATCH, AT_THE_END, WHITE_BOX
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import FOUR, Wishes


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    folder: Path = tmp_path_factory.mktemp("run")
    return FinishedRun(write_run(folder, Wishes(corruptions=(), examples=0)))


def family(run: FinishedRun) -> dict[str, set[str]]:
    found = rivals_of(run.results, run.checks, run.schemes)
    ranked = {name: set(ranking.ranges) for name, ranking in run_rankings(run).items()}
    assert {name: set(models) for name, models in found.items()} == ranked
    return ranked


def test_rivals_are_the_models_that_the_ranking_compares(run: FinishedRun) -> None:
    assert set(family(run)) == {"fer", "ferplus"}
    assert set.union(*family(run).values()) == set(FOUR)


@pytest.mark.parametrize("what", ["crashed", ANY_BATCH, AT_THE_END])
def test_a_model_without_a_rank_has_no_rivals(run: FinishedRun, what: str) -> None:
    results, checks = run.results.copy(), run.checks
    if what == "crashed":
        hit = (results.model == FOUR[0]) & (results.metric == "robust_accuracy")
        results.loc[hit & (results.perturbation == "pgd"), "status"] = "error"
    else:
        bad = checks.iloc[[0]].assign(model=FOUR[0], check=what, rule="R11", status="flagged")
        checks = pd.concat([checks, bad], ignore_index=True)
    found = family(replace(run, results=results, checks=checks))
    assert FOUR[0] not in set.union(*found.values())


def test_a_black_box_beside_white_boxes_has_no_rivals(run: FinishedRun) -> None:
    bound = run.checks.iloc[[0]].assign(
        model=FOUR[0], check=WHITE_BOX, rule="R7", status="flagged", attacked_labels="fer"
    )
    checks = pd.concat([run.checks, bound], ignore_index=True)
    found = rivals_of(run.results, checks, run.schemes)
    assert all(FOUR[0] not in models for models in found.values())
