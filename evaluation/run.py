"""`python -m evaluation.run`: attack classifiers of facial expressions and report their robustness.

Writes into `--out` the files of `evaluation/results/schema.py` and the report `index.html`. Its
options are those of `evaluation/request.py`; `evaluation/api.py` does the work.
"""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typer import Option

from datasets.base.commands import run
from datasets.base.options import as_command
from evaluation.request import RunRequest

if TYPE_CHECKING:
    from evaluation.comparing.fail_under import Requirement
    from evaluation.config import RunConfig
    from evaluation.results.run import FinishedRun


@dataclass(frozen=True, kw_only=True)
class CommandRequest(RunRequest):
    """Options of a run, and the minimum that decides the exit code."""

    fail_under: Annotated[
        list[str] | None,
        Option(
            metavar="FLOOR",
            help='Minimum, such as "robust_accuracy@4/255=0.25": exit code 1 if a model is below.',
        ),
    ] = None
    verbose: Annotated[bool, Option("--verbose", help="Show how long each stage took.")] = False


def main(request: CommandRequest) -> int:
    """Attack classifiers, measure their robustness under FER and FER+ labels, write a report."""
    from evaluation.api import measure
    from evaluation.comparing.fail_under import parse_requirement

    requirements = [parse_requirement(text) for text in request.fail_under or []]

    def check(config: "RunConfig") -> None:
        for requirement in requirements:
            requirement.check_grid(config.eps)

    command = " ".join(["python -m evaluation.run", *sys.argv[1:]])
    finished = measure(request, command, check)
    if request.verbose:
        for name, seconds in finished.manifest["stages"].items():
            print(f"{seconds:8.1f} s  {name}", file=sys.stderr)
    return _finish(finished, requirements)


def _finish(finished: "FinishedRun", requirements: list["Requirement"]) -> int:
    """Print the summary; return 1 if a requirement is missed, else 0."""
    from evaluation.results.model_notes import class_notes
    from evaluation.summary_table import summary_table

    print(summary_table(finished.results, finished.config.eps, finished.label_names))
    for note in class_notes(finished.manifest["models"], finished.label_names):
        print(note)
    print(f"report: {finished.report}")
    missed = [
        line
        for requirement in requirements
        for line in requirement.missed(finished.results, finished.checks)
    ]
    for line in missed:
        print(f"missed: {line}")
    return 1 if missed else 0


if __name__ == "__main__":
    run(as_command(CommandRequest, main), prog="python -m evaluation.run")
