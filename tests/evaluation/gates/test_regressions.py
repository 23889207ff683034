"""`--fail-on-regression`: worse only where the paired test says so, held only where it was made."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from junitparser import JUnitXml

from datasets.base.errors import InputError
from evaluation import compare
from evaluation.comparing.boards import leaderboards
from evaluation.comparing.changes import compare_runs
from evaluation.gates.case import Case, Outcome
from evaluation.gates.regressions import regressions
from evaluation.results.files import write_table
from evaluation.results.run import FinishedRun
from evaluation.results.schema import CHECK_COLUMNS
from evaluation.summary_table import summary_table
from tests.evaluation.comparing.edits import crash, data, other_steps, rename, spoil, without

Make = Callable[..., FinishedRun]


def lose(rows: pd.DataFrame) -> pd.DataFrame:
    """The FER net answers one class for every clean face."""
    rows.loc[(rows.model == "tiny.fer") & (rows.perturbation == "none"), "prediction"] = 6
    return rows


def judged(before: Path, after: FinishedRun, allowed: float = 0) -> dict[tuple[str, ...], Case]:
    base = FinishedRun(before)
    changes = compare_runs([base, after])
    cases = regressions(base, after, changes, allowed)
    found: dict[tuple[str, ...], Case] = {
        (case.model, case.labels, case.requirement): case for case in cases
    }
    assert len(found) == len(cases)
    return found


CLEAN = ("tiny.fer", "fer", "accuracy, clean")


def test_every_accuracy_of_the_base_is_a_requirement_and_the_same_run_holds_all(
    first: Path,
) -> None:
    cases = judged(first, FinishedRun(first))
    assert {case.outcome for case in cases.values()} == {Outcome.HELD}
    # two models, two label sets: clean, one corruption, noise, fgsm, pgd and worst case at two eps
    assert len(cases) == 2 * 2 * (2 + 4 * 2)
    assert ("tiny.fer", "fer", "robust accuracy, worst case linf 0.1") in cases


def test_a_significant_loss_is_missed_with_its_interval(first: Path, make: Make) -> None:
    cases = judged(first, make("lost", lose))
    missed = [key for key, case in cases.items() if case.outcome is Outcome.MISSED]
    assert CLEAN in missed
    assert all(key[0] == "tiny.fer" for key in missed)
    words = cases[CLEAN].message
    assert words.startswith("accuracy, clean: 0.8000 before, ") and "95 % interval -" in words
    assert words.endswith(": worse") and "40 faces, p <.001 after Holm's correction)" in words


def test_a_loss_that_chance_explains_is_none(first: Path, make: Make) -> None:
    """Ten of forty faces lost are significant alone, two are not; 40 tests: neither is, by Holm."""
    case = judged(first, make("spoilt", spoil))[CLEAN]
    assert (case.outcome, case.message.rpartition(": ")[2]) == (
        Outcome.HELD,
        "not significantly different",
    )


def test_a_gain_is_no_regression(first: Path, make: Make) -> None:
    lost, base = make("lost", lose).folder, FinishedRun(first)
    case = judged(lost, base)[CLEAN]
    assert (case.outcome, case.message.rpartition(": ")[2]) == (Outcome.HELD, "better")


def test_points_allow_a_loss_of_that_size_and_no_more(first: Path, make: Make) -> None:
    after = make("lost", lose)
    changes = compare_runs([FinishedRun(first), after]).table
    key = dict(model="tiny.fer", label_set="fer", perturbation="none", metric="accuracy")
    (loss,) = changes[np.logical_and.reduce([changes[k] == v for k, v in key.items()])].difference
    assert loss < -0.3
    assert judged(first, after, allowed=-100 * loss)[CLEAN].outcome is Outcome.HELD
    assert judged(first, after, allowed=-100 * loss - 0.01)[CLEAN].outcome is Outcome.MISSED


def test_what_was_not_compared_is_not_held(first: Path, make: Make) -> None:
    cases = judged(first, make("steps", manifest=other_steps))
    assert cases[CLEAN].outcome is Outcome.HELD
    for name in ("pgd linf 0.1", "worst case linf 0.1"):
        case = cases["tiny.fer", "fer", f"robust accuracy, {name}"]
        assert (case.outcome, "not compared" in case.message) == (Outcome.UNKNOWN, True)
    of_pgd = ("pgd", "tiny.fer", "fer")
    crashed = make("crashed", without(*of_pgd), crash(*of_pgd))
    unknown = {
        key for key, case in judged(first, crashed).items() if case.outcome is Outcome.UNKNOWN
    }
    assert unknown == {
        ("tiny.fer", "fer", f"robust accuracy, {name} linf {eps}")
        for name in ("pgd", "worst case")
        for eps in ("0.02", "0.1")
    }


@pytest.mark.parametrize("broken", ["before", "after"])
def test_a_void_figure_of_either_run_is_not_held(first: Path, make: Make, broken: str) -> None:
    void = make("void")
    failed = void.checks.head(1).assign(
        model="tiny.fer", attacked_labels="fer", rule="R4", status="flagged"
    )
    write_table(pd.concat([void.checks, failed]), CHECK_COLUMNS, void.folder / "checks.parquet")
    runs = [first, void.folder] if broken == "after" else [void.folder, first]
    cases = judged(runs[0], FinishedRun(runs[1]))
    assert cases[CLEAN].outcome is Outcome.UNKNOWN
    assert cases[CLEAN].message.endswith(f"void, R4 failed in {void.folder}")
    assert cases["tiny.fer", "ferplus", "accuracy, clean"].outcome is Outcome.HELD


def test_label_sets_have_the_name_of_the_data(first: Path, make: Make) -> None:
    """In the gate's lines, in the table, in its notes and in the csv of a run."""
    names = data(label_names={"fer": "RAF-DB"})
    base, after = make("base", manifest=names), make("after", lose, manifest=names)
    cases = judged(base.folder, after)
    assert cases["tiny.fer", "RAF-DB", "accuracy, clean"].outcome is Outcome.MISSED
    assert cases["tiny.fer", "RAF-DB", "accuracy, clean"].line.startswith(
        "missed: tiny.fer under RAF-DB labels: accuracy, clean: 0.8000 before"
    )
    table = compare_runs([base, after]).table
    assert set(table.label_set) == {"RAF-DB", "ferplus"}
    assert set(leaderboards([base]).label_set) == {"RAF-DB", "ferplus"}
    printed = summary_table(base.results, base.config.eps, base.label_names)
    assert "RAF-DB" in printed and " fer " not in printed
    csv = pd.read_csv(base.csv, keep_default_na=False)
    assert set(csv.label_set) == set(csv.attacked_labels) - {""} == {"RAF-DB", "ferplus"}
    assert set(base.results.label_set) == {"fer", "ferplus"}


def run_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object
) -> tuple[object, str, str]:
    monkeypatch.setattr(sys, "argv", ["compare", *map(str, words)])
    with pytest.raises(SystemExit) as stopped:
        compare.run(compare.main, "compare", {compare.GATE: "0"})
    printed = capsys.readouterr()
    return stopped.value.code, printed.out, printed.err


def test_the_exit_code(
    first: Path,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    lost, other = make("lost", lose).folder, make("steps", manifest=other_steps).folder
    file, page = tmp_path / "new" / "gate.xml", tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))

    def exit_code(*words: object) -> tuple[object, str, str]:
        return run_command(monkeypatch, capsys, *words)

    code, out, err = exit_code(first, lost)
    assert (code, err) == (0, "")  # without the option nothing fails
    code, out, err = exit_code("--fail-on-regression", first, lost, "--junit", file)
    assert (code, err) == (1, "")
    lines = [line for line in out.splitlines() if line.startswith("missed: ")]
    assert any(
        line.startswith("missed: tiny.fer under fer labels: accuracy, clean") for line in lines
    )
    assert sum(line.startswith("next: ") for line in out.splitlines()) == 1
    suite = JUnitXml.fromfile(str(file))
    assert (suite.failures, suite.errors, suite.tests) == (len(lines), 0, 40)
    text = page.read_text()
    assert "# Deadpan: lost after first" in text and f"{len(lines)} missed" in text
    assert exit_code(first, lost, "--fail-on-regression", "90")[0] == 0
    assert exit_code(first, lost, "--fail-on-regression=2")[0] == 1
    assert exit_code(first, first, "--fail-on-regression")[:1] == (0,)
    code, out, err = exit_code(first, other, "--fail-on-regression", "--junit", file)
    assert code == 2 and err.count("\n") == 1
    assert "got 16 of 40 that cannot be judged (" in err
    lines = [line for line in out.splitlines() if line.startswith("not judged: ")]
    assert len(lines) == 4  # two models under two label sets
    assert lines[0].startswith("not judged: tiny.fer under fer labels: robust accuracy, pgd linf ")
    assert lines[0].endswith("not compared, the notes say why (and 3 more)")
    assert JUnitXml.fromfile(str(file)).errors > 0
    for wrong in ("-1", "101", "nan"):
        code, out, err = exit_code(first, lost, "--fail-on-regression", wrong)
        assert (code, out, err.count("\n")) == (2, "", 1), wrong
    assert "gate.txt" in exit_code(first, lost, "--junit", tmp_path / "gate.txt")[2]


def test_runs_of_other_faces_pass_no_gate(first: Path, make: Make) -> None:
    other = make("other", manifest=data(name="others"))
    with pytest.raises(InputError, match=r"other: different faces.*Run both with the same faces"):
        compare.main([first, other.folder], fail_on_regression=0)


def test_other_weights_are_what_a_gate_compares(first: Path, make: Make) -> None:
    cases = judged(first, make("weights", manifest=rename))
    assert {case.outcome for case in cases.values()} == {Outcome.HELD}
