"""Attack by model and source by target: cells, flags, limits, and runs that have none."""

import re

import numpy as np
import pandas as pd
import pytest

from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline
from reports.charts.attack_matrix import FLAG
from reports.sections.attack_matrices import attack_matrix_charts, transfer_charts
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import FOUR, Wishes

TOP = Headline("linf", 4 / 255)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    wishes = Wishes(models=FOUR[:3], corruptions=(), examples=0)
    return FinishedRun(write_run(tmp_path_factory.mktemp("run"), wishes))


def texts(svg: str) -> list[str]:
    """Text of a drawing, in the order of drawing."""
    return [found.strip() for found in re.findall(r"<text[^>]*>([^<]+)</text>", svg)]


def test_each_attack_has_its_column(run: FinishedRun) -> None:
    fer, ferplus = attack_matrix_charts(run, TOP)
    seen = texts(fer.panels[0].svgs[0])
    assert seen[:5] == ["clean", "random noise", "FGSM", "PGD", "worst case"]
    assert {FOUR[0], FOUR[1]} <= set(seen) and FOUR[2] not in seen
    assert "PGD alone leaves" in fer.title and fer.title.startswith("FER labels: at 4/255")
    assert "failed a reliability check or could not be checked" in fer.caption
    assert len(fer.table.rows) == 2 * 5
    assert sum(text.endswith(FLAG) for text in seen) == 1  # PGD of the first model
    assert not any(text.endswith(FLAG) for text in texts(ferplus.panels[0].svgs[0]))


def test_limits_and_missing_attacks(run: FinishedRun) -> None:
    results = run.results.copy()
    hidden = (results["model"] == FOUR[1]) & results["perturbation"].isin(["pgd", "fgsm"])
    results.loc[hidden, ["value", "ci_low", "ci_high"]] = np.nan
    results.loc[hidden, "status"] = "not applicable"
    fer, _ = attack_matrix_charts(replace(run, results=results), TOP)
    seen = texts(fer.panels[0].svgs[0])
    assert f"\u2264 {FOUR[1]}" in seen and seen.count("\u2013") == 2
    assert attack_matrix_charts(run, None) == []


def test_transfer_tells_the_source_from_the_target(run: FinishedRun) -> None:
    rows = [
        ("a", "a", 0.9, 100), ("a", "b", 0.2, 80), ("b", "a", 0.4, 100), ("b", "b", 0.8, 80),
    ]  # fmt: skip
    base = run.results[run.results["metric"] == "transfer_success_rate"].iloc[0]
    made = pd.DataFrame(
        [base.to_dict() | {"source": s, "model": t, "value": v, "n": n} for s, t, v, n in rows]
    )
    models = dict.fromkeys(("a", "b"), run.manifest["models"][FOUR[0]])
    named = replace(run, results=made, manifest=run.manifest | {"models": models})
    (chart,) = transfer_charts(named)
    # of the pairs .2 and .4 the median is .3, of the own .9 and .8 it is .85
    assert "breaks 30\u202f% of the faces that another classifies" in chart.title
    assert chart.title.endswith("and 85\u202f% of its own model's (median)")
    seen = texts(chart.panels[0].svgs[0])
    assert seen[-4:] == ["90", "20", "40", "80"]  # lines are sources, columns targets
    assert chart.table.rows[1][:3] == ["a", "b", "20\u202f%"]
    assert "80 to 100 faces" in chart.caption


def test_runs_without_transfer_draw_none(run: FinishedRun) -> None:
    assert len(transfer_charts(run)) == 2
    bare = run.results[~run.results["metric"].str.startswith("transfer")]
    assert transfer_charts(replace(run, results=bare)) == []
    crashed = run.results.copy()
    of_transfer = crashed["metric"].str.startswith("transfer")
    crashed.loc[of_transfer, "value"] = np.nan
    assert transfer_charts(replace(run, results=crashed)) == []
