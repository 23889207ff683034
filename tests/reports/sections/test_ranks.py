"""What the leaderboard, verdict and titles say of ranks, of a synthetic run."""

import base64
import io

import numpy as np
import pandas as pd
import pytest

from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline, pick
from reports.markdown import render_markdown
from reports.page import render
from reports.sections.curves import scatter_chart
from reports.sections.leaderboard import leaderboard
from reports.sections.verdict import verdicts
from reports.words.text import MISSING
from tests.reports.fake_run import replace, robust_first
from tests.reports.wishes import FOUR

TOP = Headline("linf", 4 / 255)


def column(run: FinishedRun, title: str) -> dict[str, tuple[str, str]]:
    """Text and small text of a column of the leaderboard, by model."""
    board = leaderboard(run, TOP)
    place = next(i for i, head in enumerate(board.head) if head.startswith(title))
    return {model: (cells[place].text, cells[place].small) for model, _, cells, *_ in board.rows}


def test_rank_is_the_range_that_tests_leave_open(run: FinishedRun) -> None:
    assert column(run, "Rank") == {
        FOUR[0]: ("1\u20132", "provisional: R6"),  # its R6 is flagged
        FOUR[1]: ("1\u20132", ""),
        FOUR[2]: ("1", ""),
    }
    found = column(robust_first(run), "Rank")
    assert found[FOUR[0]] == ("1", "provisional: R6")
    assert found[FOUR[1]] == ("2", "")


def test_a_model_on_which_no_attack_works_has_no_rank_and_no_title(run: FinishedRun) -> None:
    results = run.results.copy()
    results.loc[(results.model == FOUR[0]) & (results.metric == "robust_accuracy"), "value"] = 0.9
    first = replace(robust_first(run), results=results)
    failed = run.checks.iloc[:1].assign(
        model=FOUR[0], rule="R4", attacked_labels="fer", status="flagged", message="It is broken."
    )
    broken = replace(first, checks=pd.concat([run.checks, failed]))
    assert column(broken, "Rank")[FOUR[0]] == (MISSING, "R4 failed")
    assert column(broken, "Rank")[FOUR[1]] == ("1", "")
    (verdict,) = [one for one in verdicts(broken, TOP) if one.model == FOUR[0]]
    assert (verdict.status, verdict.note) == ("flagged", "It is broken.")
    assert "which ranks the models" not in verdict.sentence
    titles = [chart.title for chart in map(scatter_chart, (first, broken), (TOP, TOP)) if chart]
    assert f"({FOUR[0]})" in titles[0] and f"({FOUR[0]})" not in titles[1]


def test_no_unqualified_rank_for_an_attack_that_has_not_converged(run: FinishedRun) -> None:
    (line,) = [line for line in leaderboard(run, TOP).rows if line[0] == FOUR[0]]
    assert line[2][0].status == "flagged"
    first = robust_first(run)
    assert "A provisional rank may be too good" in render(first)
    summary = render_markdown(first)
    assert "\u2691\u00a01 (provisional: R6)" in summary
    assert "It provisionally ranks first of 2. A check of its attack failed (R6)" in summary
    converged = run.checks.assign(status="ok")
    sure = replace(first, checks=converged)
    assert column(sure, "Rank")[FOUR[0]] == ("1", "")
    assert "provisional" not in render_markdown(sure)


def test_the_verdict_names_the_area_that_ranks(run: FinishedRun) -> None:
    found = {one.model: one.sentence for one in verdicts(run, TOP)}
    area = column(run, "Area")[FOUR[0]]
    words = "The area under its security curve up to 4/255, which ranks the models, is "
    assert f"{words}{area[0]} ({area[1]})." in found[FOUR[0]]
    entries = {
        model: entry | {"black_box": model == FOUR[0]}
        for model, entry in run.manifest["models"].items()
    }
    unranked = replace(run, manifest=run.manifest | {"models": entries})
    first = {one.model: one.sentence for one in verdicts(unranked, TOP)}[FOUR[0]]
    assert "up to 4/255 is at most " in first and "ranks" not in first
    assert "security curve" not in found[FOUR[2]]  # alone under its labels: nothing is ranked
    clean = replace(run, results=run.results[run.results["perturbation"] == "none"])
    assert not any("security curve" in one.sentence for one in verdicts(clean, None))


def test_the_download_holds_both_ends_of_a_rank_as_numbers(
    run: FinishedRun, limited: FinishedRun
) -> None:
    ranks = downloaded_ranks(run)
    assert ranks.loc[list(FOUR[:3])].to_numpy().tolist() == [[1, 2], [1, 2], [1, 1]]
    assert downloaded_ranks(limited).loc[FOUR[1]].isna().all()
    told = downloaded(run)
    assert told["provisional rank"].to_dict() == {FOUR[0]: True, FOUR[1]: False, FOUR[2]: False}


def test_the_download_holds_intervals_bounds_and_flags(run: FinishedRun) -> None:
    (clean, *_) = pick(
        run.results, model=FOUR[0], perturbation="none", metric="accuracy"
    ).itertuples()
    results = run.results.assign(status="ok")
    attacked = (results["model"] == FOUR[0]) & (results["perturbation"] == "worst_case")
    results.loc[attacked, "status"] = "flagged"
    models = run.manifest["models"]
    entries = {model: entry | {"black_box": model == FOUR[1]} for model, entry in models.items()}
    told = downloaded(replace(run, results=results, manifest=run.manifest | {"models": entries}))
    first = told.loc[FOUR[0]]
    found = first[["faces", "Clean accuracy", "Clean accuracy, low", "Clean accuracy, high"]]
    assert found.tolist() == pytest.approx([clean.n, clean.value, clean.ci_low, clean.ci_high])
    assert told["upper bounds"].to_dict() == {name: name == FOUR[1] for name in told.index}
    assert "Worst case 4/255" in first["flagged figures"].split("; ")
    assert "Clean accuracy" not in first["flagged figures"].split("; ")
    assert "Parameters, low" not in told


def downloaded_ranks(run: FinishedRun) -> pd.DataFrame:
    return downloaded(run)[["Best rank", "Worst rank"]]


def downloaded(run: FinishedRun) -> pd.DataFrame:
    _, _, code = leaderboard(run, TOP).data.uri.partition(",")
    return pd.read_csv(io.BytesIO(base64.b64decode(code)), index_col="model")


def test_a_model_whose_attack_crashed_has_no_rank_and_is_nobodys_rival(run: FinishedRun) -> None:
    attacked = run.results["metric"] == "robust_accuracy"
    one = run.results[attacked & (run.results["model"] == FOUR[0])].iloc[:1]
    failed = one.assign(status="error", value=np.nan, ci_low=np.nan, ci_high=np.nan, n=0)
    crashed = replace(run, results=pd.concat([run.results, failed], ignore_index=True))
    assert column(crashed, "Rank")[FOUR[0]] == ("\u2014", "")
    assert column(crashed, "Rank")[FOUR[1]] == ("1", "")
    assert not any(FOUR[0] in line[3] for line in leaderboard(crashed, TOP).rows)
