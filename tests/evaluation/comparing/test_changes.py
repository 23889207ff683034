"""Runs compared, on tiny finished runs whose answers are then changed by hand."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets.base.errors import InputError
from evaluation import compare, leaderboard
from evaluation.comparing.change_table import markdown_summary, summary, write_changes
from evaluation.comparing.changes import CHANGE_COLUMNS, compare_runs
from evaluation.figures.score_run import rescore
from evaluation.results.files import write_table
from evaluation.results.run import FinishedRun
from evaluation.results.schema import RESULT_COLUMNS
from evaluation.statistics.paired import holm
from tests.evaluation import tiny
from tests.evaluation.comparing.edits import pick, spoil


def test_the_same_run_did_not_change(first: Path) -> None:
    changes = compare_runs([FinishedRun(first), FinishedRun(first)])
    assert changes.notes == []
    assert list(changes.table.columns) == list(CHANGE_COLUMNS)
    assert (changes.table.difference == 0).all()
    assert not changes.table.changed.fillna(False).any()
    tested = changes.table[changes.table.p_value.notna()]
    # two models, two label sets: clean, one corruption, noise, fgsm, pgd and worst case at two eps
    assert len(tested) == 2 * 2 * (2 + 4 * 2)
    assert (tested.p_value == 1).all()


def test_ten_faces_lost(first: Path, make: Callable[..., FinishedRun]) -> None:
    changes = compare_runs([FinishedRun(first), make("spoilt", spoil)])
    clean = {"model": "tiny.fer", "label_set": "fer", "perturbation": "none"}
    row = pick(changes.table, metric="accuracy", **clean)
    assert (row.before, row.after, row.n) == (32 / 40, 22 / 40, 40)
    assert row.difference == pytest.approx(-10 / 40)
    assert row.ci_low < row.difference < row.ci_high < 0
    assert row.p_value == pytest.approx(2 * 0.5**10)
    tested = changes.table[changes.table.p_value.notna()]
    np.testing.assert_allclose(tested.p_holm, holm(tested.p_value.to_numpy()))
    other = pick(changes.table, metric="accuracy", **{**clean, "model": "tiny.ferplus"})
    assert other.difference == 0
    f1 = pick(changes.table, metric="macro_f1", **clean)
    assert f1.difference < 0
    assert np.isnan(f1.p_value)
    assert pd.isna(f1.changed)


def test_many_faces_lost_is_told_from_chance(first: Path, make: Callable[..., FinishedRun]) -> None:
    def lose(lines: pd.DataFrame) -> pd.DataFrame:
        lines.loc[(lines.model == "tiny.fer") & (lines.perturbation == "none"), "prediction"] = 6
        return lines

    changes = compare_runs([FinishedRun(first), make("lost", lose)])
    row = pick(
        changes.table, model="tiny.fer", label_set="fer", perturbation="none", metric="accuracy"
    )
    assert row.changed
    assert "*" in summary(changes)


def test_worst_cases_are_compared_where_the_same_attacks_looked(
    first: Path, make: Callable[..., FinishedRun]
) -> None:
    """PGD alone breaks faces, and in each run it looks at other 20 of the 40."""

    def seen(first_half: bool) -> Callable[[pd.DataFrame], pd.DataFrame]:
        def rows(frame: pd.DataFrame) -> pd.DataFrame:
            attacked = (frame.attacked_labels == "fer") & (frame.model == "tiny.fer")
            right = attacked & (frame.clean_prediction == frame.fer)
            frame.loc[right, "smallest_eps"] = np.where(
                frame.perturbation[right] == "pgd", 0.02, np.nan
            )
            lost = np.isin(frame.row, sorted(set(frame.row))[20:]) == first_half
            return frame[~(attacked & (frame.perturbation == "pgd") & lost)]

        return rows

    runs = [make("one", seen(first_half=True)), make("two", seen(first_half=False))]
    changes = compare_runs(runs)
    names = {"model": "tiny.fer", "label_set": "fer", "perturbation": "worst_case"}
    assert changes.table.query(" and ".join(f"{k} == '{v}'" for k, v in names.items())).empty
    assert sum("on 0 of 40 shared faces" in note for note in changes.notes) == 1
    again = compare_runs([runs[0], runs[0]])
    row = pick(again.table, **names, metric="robust_accuracy", eps=0.02)
    assert (row.n, row.difference) == (40, 0)


def test_a_set_that_scoring_found_impossible_is_not_compared(
    first: Path, make: Callable[..., FinishedRun]
) -> None:
    def all_robust(frame: pd.DataFrame) -> pd.DataFrame:
        hit = (frame.model == "tiny.fer") & (frame.perturbation == "pgd")
        frame.loc[hit, "smallest_eps"] = np.nan
        return frame

    changes = compare_runs([FinishedRun(first), make("impossible", all_robust)])
    table = changes.table[(changes.table.model == "tiny.fer") & (changes.table.norm == "linf")]
    assert "noise" in set(table.perturbation)
    assert not {"pgd", "worst_case"} & set(table.perturbation)
    assert any("pgd failed in" in note for note in changes.notes)


def test_an_eps_with_many_digits_keeps_its_figures(tmp_path: Path) -> None:
    config = tiny.config(corruptions=(), severities=(), eps=(0.02, 1 / 9))
    run = FinishedRun(tiny.write_run(tmp_path / "run", config))
    before = run.csv.read_bytes()
    worst = {"model": "tiny.fer", "label_set": "fer", "perturbation": "worst_case"}
    worst |= {"metric": "robust_accuracy"}
    figure = pick(run.results, **worst, attacked_labels="fer", subset="all", eps=1 / 9).value
    row = pick(compare_runs([run, run]).table, **worst, eps=1 / 9)
    assert row.before == row.after == figure

    def check(finished: FinishedRun) -> None:
        assert finished.config.eps == (0.02, 1 / 9)
        rescore(finished)
        assert finished.csv.read_bytes() == before

    check(FinishedRun(run.folder))
    manifest = run.folder / "manifest.json"  # as older versions wrote it
    text = manifest.read_text()
    assert f'"{1 / 9!r}"' in text
    manifest.write_text(text.replace(f'"{1 / 9!r}"', '"0.1111111111"'))
    check(FinishedRun(run.folder))


def test_a_flag_in_either_run_is_shown(first: Path, make: Callable[..., FinishedRun]) -> None:
    flagged = make("flagged")
    results = flagged.results
    hit = (results.model == "tiny.fer") & (results.perturbation == "worst_case")
    results.loc[hit & (results.eps == 0.1), "status"] = "flagged"
    write_table(results, RESULT_COLUMNS, flagged.folder / "results.parquet")
    for runs in ([first, flagged.folder], [flagged.folder, first]):
        changes = compare_runs([FinishedRun(folder) for folder in runs])
        bad = changes.table[changes.table.status != "ok"]
        assert set(bad.status) == {"flagged"}
        assert set(bad.model) == {"tiny.fer"}
        assert set(bad.perturbation) == {"worst_case"}
        assert set(bad.eps) == {0.1}
        assert {"robust_accuracy", "security_curve_area", "debiased_ece"} <= set(bad.metric)
        lines = [line for line in summary(changes).splitlines() if "linf 0.1" in line]
        assert ["!" in line for line in lines] == [("tiny.fer " in line) for line in lines]


def test_files_and_the_command(
    first: Path,
    make: Callable[..., FinishedRun],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spoilt = make("spoilt", spoil).folder
    table = tmp_path / "changes.csv"
    compare.main([first, spoilt], table)
    printed = capsys.readouterr().out
    assert "tiny.fer" in printed
    assert "-25.0" in printed
    written = pd.read_csv(table)
    assert list(written.columns) == list(CHANGE_COLUMNS)
    changes = compare_runs([FinishedRun(first), FinishedRun(spoilt)])
    assert len(written) == len(changes.table)
    write_changes(changes, tmp_path / "changes.md")
    lines = (tmp_path / "changes.md").read_text().splitlines()
    assert lines[0].startswith("| run | model | labels |") and lines[0].endswith("| p (Holm) |")
    assert len(lines) == 2 + len(changes.table)


def test_marks_are_explained_only_where_there_are_any(first: Path) -> None:
    changes = compare_runs([FinishedRun(first), FinishedRun(first)])
    for status, explained in (("ok", False), ("flagged", True)):
        table = changes.table.assign(status=status)
        text = markdown_summary(replace(changes, table=table))
        assert ("! flagged in a run" in text) == explained


def test_a_difference_without_an_interval_is_written_without(first: Path) -> None:
    changes = compare_runs([FinishedRun(first), FinishedRun(first)])
    table = changes.table.assign(ci_low=np.nan, ci_high=np.nan)
    text = markdown_summary(replace(changes, table=table))
    assert "+0.0 |" in text and "nan" not in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compare", "a"], "compare at least two runs"),
        (["compare", "/nowhere/a", "/nowhere/b"], "/nowhere/a/manifest.json"),
        (["compare", "a", "b", "--out", "x.txt"], "--out must end in .csv or .md"),
        (["leaderboard", "/nowhere"], "expected folders of finished runs, found none"),
        (["leaderboard", ".", "--out", "x.txt"], "--out must end in .csv or .md"),
        (["compare", "a", "b", "--out", "/nowhere/x.csv"], "--out must be in an existing folder"),
        (["leaderboard", ".", "--out", "/nowhere/x.csv"], "--out must be in an existing folder"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = {"compare": compare, "leaderboard": leaderboard}[arguments[0]]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as stopped:
        command.run(command.main, prog="python")
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert words in error


def test_a_file_is_no_run(first: Path) -> None:
    with pytest.raises(InputError, match=r"expected a run folder .* Name a folder that"):
        compare_runs([FinishedRun(first), FinishedRun(first / "results.csv")])


def test_a_folder_of_attacked_images_is_no_run(first: Path) -> None:
    attacked = next((first / "sets").glob("*pgd*"))
    with pytest.raises(InputError, match=r"expected the manifest of a run, found at started: "):
        compare_runs([FinishedRun(first), FinishedRun(attacked)])
