"""A synthetic run of three models, and the same where one gives no gradients."""

import numpy as np
import pytest

from evaluation.results.run import FinishedRun
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import FOUR, Wishes


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    wishes = Wishes(models=FOUR[:3], corruptions=("jpeg", "contrast"), examples=0)
    return FinishedRun(write_run(tmp_path_factory.mktemp("run"), wishes))


@pytest.fixture(scope="module")
def limited(run: FinishedRun) -> FinishedRun:
    """The same run, where the second model gives no gradients."""
    results = run.results.copy()
    hidden = (results["model"] == FOUR[1]) & results["perturbation"].isin(["pgd", "fgsm"])
    results.loc[hidden, ["value", "ci_low", "ci_high"]] = np.nan
    results.loc[hidden, "status"] = "not applicable"
    return replace(run, results=results)
