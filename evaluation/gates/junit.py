"""`--junit FILE`: the outcome of a gate as JUnit XML, which build services show as tests.

A missed requirement is a failure, one that cannot be judged an error; neither is a pass.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from datasets.base.atomic import atomic
from evaluation.gates.case import Case, Outcome

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no way to write."""


def write_junit(
    suites: Mapping[str, Sequence[Case]], path: Path, notes: Sequence[str] = ()
) -> None:
    """Write one test suite per run, one test case per requirement, atomically.

    Args:
        suites: cases by the folder of their run.
        path: file ending in `.xml`; its folder is made.
        notes: what else a reader must know, properties of every suite.
    """
    report = JUnitXml("deadpan")
    for name, cases in suites.items():
        suite = TestSuite(_plain(name))
        for note in notes:
            suite.add_property("note", _plain(note))
        suite.add_testcases([_test_case(case) for case in cases])
        report.add_testsuite(suite)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as unfinished:
        report.write(str(unfinished), pretty=True)


def _test_case(case: Case) -> TestCase:
    labels = f"{case.labels} labels: " if case.labels else ""
    found = TestCase(_plain(f"{labels}{case.requirement}"), classname=_plain(case.model), time=0)
    message = _plain(case.message)
    if case.outcome is Outcome.MISSED:
        found.result = [Failure(message, "missed")]
    elif case.outcome is Outcome.UNKNOWN:
        found.result = [Error(message, "not judged")]
    found.system_out = message
    return found


def _plain(text: str) -> str:
    return _NOT_XML.sub("?", " ".join(text.split()))
