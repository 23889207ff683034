"""`python -m evaluation.compare RUN RUN ..`: what changed between runs, with tests.

The first run is "before", each other one "after". Attacks nothing and needs no TensorFlow.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.base.writable import check_file, check_outcome_file

if TYPE_CHECKING:
    from evaluation.comparing.changes import Changes
    from evaluation.gates.case import Case

GATE = "--fail-on-regression"


def main(
    folders: Annotated[
        list[Path], typer.Argument(metavar="RUN RUN ..", help="Folders of finished runs.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Also write every figure to this .csv or .md.")
    ] = None,
    fail_on_regression: Annotated[
        float | None,
        typer.Option(
            GATE,
            metavar="[POINTS]",
            min=0,
            max=100,
            help="Exit code 1 if an accuracy is significantly worse than in the first run, by more "
            "than POINTS if given; 2 if one cannot be compared.",
        ),
    ] = None,
    junit: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write a test case per accuracy as JUnit .xml."),
    ] = None,
) -> int:
    """Compare runs: figures before and after, and whether the difference is significant."""
    check_outcome_file(junit, ".xml", option="--junit")
    if len(folders) < 2:
        raise InputError(f"compare at least two runs; got {len(folders)}. Name another folder.")
    check_file(out, ".csv", ".md")
    from evaluation.comparing.change_table import markdown_summary, summary, write_changes
    from evaluation.comparing.changes import compare_runs
    from evaluation.gates.junit import write_junit
    from evaluation.gates.regressions import regressions
    from evaluation.gates.step_summary import append_summary, gate_markdown
    from evaluation.results.run import FinishedRun

    base, *others = (FinishedRun(folder) for folder in folders)
    changes = compare_runs([base, *others])
    print(summary(changes))
    if out:
        write_changes(changes, out)
        print(f"{len(changes.table)} figures: {out}")
    gated = junit is not None or fail_on_regression is not None
    suites = {
        str(after.folder): regressions(base, after, changes, fail_on_regression or 0)
        for after in (others if gated else [])
    }
    if junit:
        write_junit(suites, junit, changes.notes)
        print(f"JUnit: {junit}")
    cases = [case for found in suites.values() for case in found]
    gate = "" if fail_on_regression is None else f"\n\n{gate_markdown(cases)}"
    title = f"# Deadpan: {', '.join(run.folder.name for run in others)} after {base.folder.name}"
    append_summary(f"{title}\n\n{markdown_summary(changes)}{gate}", out or Path(folders[-1]))
    return 0 if fail_on_regression is None else _gate(cases, changes)


def _gate(cases: "list[Case]", changes: "Changes") -> int:
    """Print what does not hold; return 1 if a figure is worse, else 0.

    Raises:
        InputError: none is worse, but some cannot be judged.
    """
    from evaluation.gates.case import Outcome, tally
    from evaluation.gates.regressions import NEXT, unknown_lines

    missed = [case for case in cases if case.outcome is Outcome.MISSED]
    unknown = [case for case in cases if case.outcome is Outcome.UNKNOWN]
    for line in [*(case.line for case in missed), *unknown_lines(unknown)]:
        print(line)
    print(f"{GATE}: {tally(cases)}")
    if missed:
        print(NEXT)
        return 1
    if unknown or not cases:
        why = changes.notes[0] if changes.table.empty and changes.notes else "see the lines above"
        raise InputError(
            f"{GATE} needs every accuracy of the first run in the others; got {len(unknown)} of "
            f"{len(cases)} that cannot be judged ({why}). Run both with the same faces, models, "
            "labels, tier and eps."
        )
    return 0


if __name__ == "__main__":
    run(main, prog="python -m evaluation.compare", optional_numbers={GATE: "0"})
