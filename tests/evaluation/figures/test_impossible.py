"""Robust accuracy above clean accuracy is an error, never a figure."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets.labels import LabelSet
from evaluation.figures.impossible import without_impossible
from evaluation.figures.score_run import rescore
from evaluation.results.run import FinishedRun
from evaluation.results.select import crashed
from tests.evaluation import tiny
from tests.evaluation.held_rows import write_rows


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    folder = tmp_path_factory.mktemp("run")
    return FinishedRun(tiny.write_run(folder, tiny.config(labels=(LabelSet.FER,))))


def of_pgd(rows: pd.DataFrame) -> pd.Series:
    return (rows.model == "tiny.fer") & (rows.perturbation == "pgd")


def robust_faces(run: FinishedRun, count: int) -> pd.DataFrame:
    """The run's rows, with this many faces robust against PGD on tiny.fer, correct or not."""
    rows = run.per_image.copy()
    rows.loc[of_pgd(rows), "smallest_eps"] = np.where(np.arange(40) < count, np.nan, 0.0)
    return rows


def test_as_many_as_were_right_are_a_figure_and_one_more_is_not(run: FinishedRun) -> None:
    clean = run.per_image[
        (run.per_image.perturbation == "none") & (run.per_image.model == "tiny.fer")
    ]
    right = int((clean.prediction == clean.fer).sum())
    assert right == 32  # of 40; the labels of every fifth face were changed
    grids = run.config.grids
    rows = robust_faces(run, right)
    kept, failed = without_impossible(rows, run.schemes, run.config.labels, grids)
    assert failed == [] and len(kept) == len(rows)
    rows = robust_faces(run, right + 1)
    kept, (entry,) = without_impossible(rows, run.schemes, run.config.labels, grids)
    assert not of_pgd(kept).any() and len(kept) == len(rows) - 40
    assert (entry["model"], entry["perturbation"], entry["status"]) == ("tiny.fer", "pgd", "error")
    assert entry["message"].startswith("33 of 40 faces robust, but only 32 classified correctly")


def test_a_run_has_an_error_row_instead(run: FinishedRun, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for path in run.folder.glob("*.*"):
        (folder / path.name).write_bytes(path.read_bytes())
    write_rows(robust_faces(run, 40), folder)
    rescore(FinishedRun(folder))
    results = tiny.results_of(folder)
    (error,) = results[results.perturbation.eq("pgd") & results.model.eq("tiny.fer")].itertuples()
    assert (error.metric, error.status, error.n) == ("robust_accuracy", "error", 0)
    assert np.isnan(error.value) and "made on other weights" in error.detail
    worst = tiny.figures(results, "robust_accuracy", perturbation="worst_case", model="tiny.fer")
    assert set(worst.status) == {"flagged"}  # over the other attacks only
    assert crashed(results, "fer") == {"tiny.fer"}  # no rank
    clean = tiny.figures(results, "accuracy", model="tiny.fer", perturbation="none").value.item()
    assert (worst.value <= clean).all()
