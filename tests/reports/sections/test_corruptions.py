"""What the panel on corruptions says of a synthetic run."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from evaluation.results.run import FinishedRun
from reports.charts.corruption_map import corruption_heat_map
from reports.charts.svg import STYLE, new_figure
from reports.sections.corruptions import corruption_note, corruption_summary
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import FOUR, Wishes


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    wishes = Wishes(models=FOUR[:3], corruptions=("jpeg", "contrast"), examples=0)
    return FinishedRun(write_run(tmp_path_factory.mktemp("run"), wishes))


def test_corruptions_have_means_and_errors(run: FinishedRun) -> None:
    summary = corruption_summary(run)
    assert summary is not None and len(summary.rows) == 3
    assert summary.rows[0][5:9] == ["1.05", "1.02\u20131.08", "0.87", "0.84\u20130.90"]
    assert "simple_cnn.fer or simple_cnn.ferplus" in corruption_note(run)
    with mpl.rc_context(STYLE):
        axes = new_figure(350, 200).add_subplot()
        corruption_heat_map(run.results, axes, model=FOUR[0], label_set="fer")
    lines = [text.get_text() for text in axes.get_yticklabels()]
    assert lines == ["JPEG", "contrast", "all kinds"]
    columns = [text.get_text() for text in axes.get_xticklabels()]
    assert columns == ["clean", "1", "3", "5", "mean", "CE"]
    assert [text.get_text() for text in axes.texts][-3:] == ["0.90", "1.00", "1.05"]


def test_a_mean_error_without_an_interval_is_shown_without(run: FinishedRun) -> None:
    results = run.results.copy()
    results.loc[results["metric"].isin(["mce", "relative_mce"]), ["ci_low", "ci_high"]] = np.nan
    summary = corruption_summary(replace(run, results=results))
    assert summary is not None and summary.rows[0][5:9] == ["1.05", "", "0.87", ""]


def test_a_run_without_the_baseline_says_why_there_is_no_mce(run: FinishedRun) -> None:
    results = run.results.copy()
    mce = results["metric"].isin(["mce", "relative_mce"])
    results.loc[mce, "value"], results.loc[mce, "n"] = np.nan, 0
    results.loc[mce, "detail"] = "needs simple_cnn.fer in the run"
    bare = replace(run, results=results[results["metric"] != "corruption_error"])
    assert corruption_note(bare).startswith("No mCE: it needs simple_cnn.fer in the run")
    summary = corruption_summary(bare)
    assert summary is not None and summary.rows[0][5:9] == ["\u2014", "", "\u2014", ""]


@pytest.mark.parametrize(
    ("metric", "mean", "told"),
    [
        ("corruption_error", "mce", "no mCE (\u2014) against simple_cnn.fer, because it makes"),
        ("relative_corruption_error", "relative_mce", "because it loses no accuracy under JPEG:"),
    ],
)
def test_a_baseline_without_errors_is_why_there_is_a_dash(
    metric: str, mean: str, told: str, run: FinishedRun
) -> None:
    errors = run.results[run.results["metric"] == "corruption_error"]
    added = errors.assign(metric="relative_corruption_error")
    results = pd.concat([run.results, added], ignore_index=True)
    fer = (results["label_set"] == "fer") & (results["n"] > 0)
    ratios = fer & (results["metric"] == metric) & (results["perturbation"] == "jpeg")
    results.loc[ratios | (fer & (results["metric"] == mean)), "value"] = np.nan
    note = corruption_note(replace(run, results=results))
    assert told in note and "contrast" not in note
    assert "nothing to divide by" not in corruption_note(run)
    none_left = results[(results["label_set"] == "fer") | (results["metric"] != "mce")]
    assert corruption_note(replace(run, results=none_left)).startswith("CE (corruption error)")
