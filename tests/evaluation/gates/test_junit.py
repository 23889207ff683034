"""JUnit XML as another program reads it."""

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from junitparser import Error, Failure, JUnitXml

from datasets.base.commands import run
from datasets.base.options import as_command
from evaluation import compare
from evaluation import run as measuring
from evaluation.gates.case import Case, Outcome, not_held, tally
from evaluation.gates.junit import write_junit

CASES = [
    Case("a.fer", "RAF-DB", "accuracy=0.6", Outcome.HELD, "accuracy 0.7 is at least 0.6"),
    Case("a.fer", "RAF-DB", "accuracy=0.8", Outcome.MISSED, "accuracy 0.7 is below 0.8"),
    Case("<b>", "", "pgd runs", Outcome.UNKNOWN, "pgd failed,\n\x1b[31mboom\x00 & <more>"),
]


def test_a_case_per_requirement_with_the_figure_in_its_message(tmp_path: Path) -> None:
    path = tmp_path / "made" / "gate.xml"
    write_junit({"runs/one": CASES, "runs/two": CASES[:1]}, path, ["other\nweights"])
    assert [file.name for file in path.parent.iterdir()] == ["gate.xml"]
    ElementTree.parse(path)  # well-formed, whatever a model's error held
    one, two = JUnitXml.fromfile(str(path))
    assert (one.name, one.tests, one.failures, one.errors) == ("runs/one", 3, 1, 1)
    assert (two.name, two.tests, two.failures, two.errors) == ("runs/two", 1, 0, 0)
    assert [(note.name, note.value) for note in one.properties()] == [("note", "other weights")]
    held, missed, unknown = one
    assert (held.classname, held.name) == ("a.fer", "RAF-DB labels: accuracy=0.6")
    assert held.is_passed and held.system_out == "accuracy 0.7 is at least 0.6"
    (failure,), (error,) = missed.result, unknown.result
    assert isinstance(failure, Failure) and failure.message == "accuracy 0.7 is below 0.8"
    assert isinstance(error, Error) and error.message == "pgd failed, ?[31mboom? & <more>"
    assert (unknown.classname, unknown.name) == ("<b>", "pgd runs")


def test_what_cannot_be_judged_does_not_hold() -> None:
    assert not_held(CASES) == CASES[1:]
    assert tally(CASES) == "1 held, 1 missed, 1 not judged"
    assert tally([]) == "no requirements"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (compare.main, ("none", "none")),
        (compare.main, ("none",)),
        (as_command(measuring.CommandRequest, measuring.main), ("--fail-under", "precision=0.5")),
        (as_command(measuring.CommandRequest, measuring.main), ()),
    ],
)
def test_a_start_that_fails_leaves_no_earlier_file(
    command, words: tuple[str, ...], tmp_path: Path, monkeypatch, capsys
) -> None:
    """A build would take its tests for those of this start."""
    file = tmp_path / "gate.xml"
    file.write_text("<testsuites/>")
    monkeypatch.setattr(sys, "argv", ["command", *words, "--junit", str(file)])
    with pytest.raises(SystemExit) as stopped:
        run(command, "command")
    assert stopped.value.code == 2 and capsys.readouterr().err.count("\n") == 1
    assert not file.exists()
