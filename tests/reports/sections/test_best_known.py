"""Verified outside attacks on the page: a column and a sentence, where somebody brought one."""

import pandas as pd
import pytest

from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline, pick
from reports.markdown import render_markdown
from reports.sections.leaderboard import leaderboard
from reports.sections.verdict import verdicts
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import FOUR, Wishes

TOP = Headline("linf", 4 / 255)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    wishes = Wishes(models=FOUR[:2], label_sets=("fer",), corruptions=(), examples=0)
    return FinishedRun(write_run(tmp_path_factory.mktemp("run"), wishes))


def lowered(run: FinishedRun, value: float) -> FinishedRun:
    """The same run after an outside attack on its first model."""
    worst = pick(run.results, model=FOUR[0], perturbation="worst_case", metric="robust_accuracy")
    known = worst.assign(perturbation="best_known", metric="best_known_accuracy", source="")
    known = known.assign(value=value, ci_low=value / 2, ci_high=value + 0.001)
    return replace(run, results=pd.concat([run.results, known], ignore_index=True))


def test_the_column_shows_the_lower_figure_and_the_own_one_elsewhere(run: FinishedRun) -> None:
    board = leaderboard(lowered(run, 0.0025), TOP)
    place = board.head.index("Best known 4/255")
    cells = {
        model: (cells[place - 1].text, cells[place].text) for model, _, cells, *_ in board.rows
    }
    assert cells[FOUR[0]][1] == "0.3\u202f%" and cells[FOUR[0]][0] != cells[FOUR[0]][1]
    assert cells[FOUR[1]][0] == cells[FOUR[1]][1]
    assert "| Best known 4/255 |" in render_markdown(lowered(run, 0.0025))


def test_the_verdict_says_so_only_when_it_is_lower(run: FinishedRun) -> None:
    first = {verdict.model: verdict for verdict in verdicts(lowered(run, 0.0025), TOP)}[FOUR[0]]
    told = "Verified attacks by others reduce the share of all faces to 0.3\u202f% (0.1\u20130.4)."
    assert told in first.sentence.partition("The area under")[0]  # it is not the area's
    same = {verdict.model: verdict for verdict in verdicts(run, TOP)}[FOUR[0]]
    equal = lowered(run, same.robust.value)
    again = {verdict.model: verdict for verdict in verdicts(equal, TOP)}[FOUR[0]]
    assert again.sentence == same.sentence and "outside" not in same.sentence


def test_runs_without_outside_attacks_have_no_such_column(run: FinishedRun) -> None:
    assert not any(title.startswith("Best known") for title in leaderboard(run, TOP).head)
