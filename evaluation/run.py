"""`python -m evaluation.run`: attack classifiers of facial expressions and report their robustness.

Writes into `--out` the files of `evaluation/results/schema.py` and the report `index.html`. Its
options are those of `evaluation/request.py`; `evaluation/api.py` does the work.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.base.options import as_command
from datasets.base.writable import check_outcome_file
from evaluation.request import RunRequest

if TYPE_CHECKING:
    from evaluation.config import RunConfig
    from evaluation.gates.case import Case
    from evaluation.results.run import FinishedRun


@dataclass(frozen=True, kw_only=True)
class CommandRequest(RunRequest):
    """Options of a run, the minima that decide the exit code, and where the run is tracked."""

    fail_under: Annotated[
        list[str] | None,
        Option(
            metavar="FLOOR",
            help='Minimum, such as "robust_accuracy@4/255=0.25": exit code 1 if a model is below.',
        ),
    ] = None
    junit: Annotated[
        Path | None,
        Option(metavar="FILE", help="Write a test case per --fail-under as JUnit .xml."),
    ] = None
    track: Annotated[
        str | None,
        Option(
            metavar="mlflow[:URI]",
            help="Send parameters, figures and report to MLflow; needs the extra mlflow.",
        ),
    ] = None
    verbose: Annotated[bool, Option("--verbose", help="Show how long each stage took.")] = False


def main(request: CommandRequest) -> int:
    """Attack classifiers, measure their robustness under FER and FER+ labels, write a report."""
    from evaluation.api import measure
    from evaluation.gates.fail_under import judge, parse_requirement
    from evaluation.tracking.target import parse_target, without_password

    check_outcome_file(request.junit, ".xml", option="--junit")
    if request.junit and not request.fail_under:
        raise InputError(
            f"--junit needs --fail-under; got {request.junit} alone. Add a minimum, such as "
            '--fail-under "accuracy=0.6".'
        )
    tracker = parse_target(request.track) if request.track else None
    requirements = [parse_requirement(text) for text in request.fail_under or []]

    def check(config: "RunConfig") -> None:
        for requirement in requirements:
            requirement.check_grid(config.eps)
        if tracker:
            from evaluation.tracking.mlflow_server import check as check_server

            check_server(tracker)

    command = without_password(" ".join(["python -m evaluation.run", *sys.argv[1:]]))
    finished = measure(request, command, check)
    if request.verbose:
        for name, seconds in finished.manifest["stages"].items():
            print(f"{seconds:8.1f} s  {name}", file=sys.stderr)
    cases = judge(requirements, finished.results, finished.checks, finished.label_names)
    _show(finished)
    code = _finish(finished, cases, request.junit)
    if tracker:
        from evaluation.tracking.mlflow_server import send

        print(f"tracked: {tracker}, run {send(finished, tracker)}")
    return code


def _show(finished: "FinishedRun") -> None:
    """Print the summary and where the report is."""
    from evaluation.results.model_notes import class_notes
    from evaluation.summary_table import summary_table
    from reports.sections.method import tier_note

    boxes = finished.black_boxes
    print(summary_table(finished.results, finished.config.eps, finished.label_names, boxes))
    notes = [*class_notes(finished.manifest["models"], finished.label_names), tier_note(finished)]
    for note in filter(None, notes):
        print(note)
    print(f"report: {finished.report}")


def _finish(finished: "FinishedRun", cases: "list[Case]", junit: Path | None) -> int:
    """Print and write what the requirements came to; return 1 if one does not hold, else 0."""
    from evaluation.gates.case import not_held
    from evaluation.gates.junit import write_junit
    from evaluation.gates.step_summary import append_summary, gate_markdown
    from reports.markdown import SUMMARY

    bad = not_held(cases)
    for case in bad:
        print(case.line)
    if junit:
        write_junit({str(finished.folder): cases}, junit)
        print(f"JUnit: {junit}")
    gate = f"\n\n{gate_markdown(cases)}" if cases else ""
    report = finished.folder / SUMMARY
    append_summary(report.read_text(encoding="utf-8") + gate, report)
    return 1 if bad else 0


if __name__ == "__main__":
    run(as_command(CommandRequest, main), prog="python -m evaluation.run")
