"""What a report says of a model without gradients: bounds, and a check that cannot be made."""

import numpy as np
import pandas as pd
import pytest

from evaluation.results.run import FinishedRun
from evaluation.results.schema import WHITE_BOX
from evaluation.results.select import Headline
from reports.markdown import render_markdown
from reports.page import render
from reports.sections.calibration import calibration_charts, calibration_summary
from reports.sections.leaderboard import leaderboard
from reports.sections.reliability import reliability
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import FOUR, Wishes

TOP = Headline("linf", 4 / 255)
BLACK, WHITE = FOUR[1], FOUR[0]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """Three models; the second gives no gradients, and the check of that says so."""
    wishes = Wishes(models=FOUR[:3], corruptions=(), examples=0)
    whole = FinishedRun(write_run(tmp_path_factory.mktemp("run"), wishes))
    results = whole.results.copy()
    hidden = (results["model"] == BLACK) & results["perturbation"].isin(["pgd", "fgsm"])
    results.loc[hidden, ["value", "ci_low", "ci_high"]] = np.nan
    results.loc[hidden, "status"] = "not applicable"
    first = whole.checks.iloc[[0]].assign(
        model=BLACK, rule="R7", check=WHITE_BOX, perturbation="worst_case", attacked_labels="fer",
        status="flagged", message="The model gives no gradients.",
    )  # fmt: skip
    checks = pd.concat([whole.checks, first], ignore_index=True)
    return replace(whole, results=results, checks=checks)


def test_calibration_under_attack_is_a_bound(run: FinishedRun) -> None:
    of_model = {chart.name: chart for chart in calibration_charts(run, TOP)}
    white, black = of_model["calibration-0"], of_model["calibration-1"]
    clean, attacked = black.title.split("; under attack, ")
    assert " and at most " in attacked and "at most" not in clean
    assert "accuracy under attack is an upper bound" in black.caption
    assert "accuracy at most" in black.panels[1].svgs[0]
    assert "at most" not in white.title and "upper bound" not in white.caption
    rows = {(row[0], row[2]): row[4] for row in calibration_summary(run, TOP).rows}
    assert rows[BLACK, "worst case 4/255"].startswith("\u2264")
    assert not rows[WHITE, "worst case 4/255"].startswith("\u2264")
    assert not rows[BLACK, "clean"].startswith("\u2264")


def test_no_quartile_of_a_bound_reads_as_a_lower_bound(run: FinishedRun) -> None:
    results = run.results.copy()
    for metric, value in (("lower", 2 / 255), ("upper", np.inf)):
        quartile = results["metric"] == f"{metric}_quartile_smallest_eps"
        results.loc[quartile, "value"] = value
    board = leaderboard(replace(run, results=results), TOP)
    place = next(i for i, head in enumerate(board.head) if head.startswith("Median smallest"))
    small = {model: cells[place].small for model, _, cells, *_ in board.rows}
    assert small[BLACK] == "\u2264\u202f2/255 to no bound"
    assert small[WHITE].startswith("2/255 to >")


def test_what_cannot_be_checked_has_not_failed(run: FinishedRun) -> None:
    box = reliability(run)
    failed = [one for one in box.problems if one.made]
    (unmade,) = [one for one in box.problems if not one.made]
    assert unmade.rule == "R7" and "masked" not in unmade.advice
    assert box.total == len(run.checks) - 1 and len(failed) == box.total - box.passed
    assert box.tally.endswith("checks passed; 1 could not be made.")
    page = render(run)
    assert page.count("This check could not be made:") == 1
    assert page.count("Failed check") == len(failed)
    assert f"**{box.tally}**" in render_markdown(run)
