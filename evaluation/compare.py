"""`python -m evaluation.compare RUN RUN ..`: what changed between runs, with tests.

The first run is "before", each other one "after". Attacks nothing and needs no TensorFlow.
"""

from pathlib import Path
from typing import Annotated

import typer

from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.base.writable import check_file


def main(
    folders: Annotated[
        list[Path], typer.Argument(metavar="RUN RUN ..", help="Folders of finished runs.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Also write every figure to this .csv or .md.")
    ] = None,
) -> None:
    """Compare runs: figures before and after, and whether the difference is significant."""
    if len(folders) < 2:
        raise InputError(f"compare at least two runs; got {len(folders)}. Name another folder.")
    check_file(out, ".csv", ".md")
    from evaluation.comparing.change_table import summary, write_changes
    from evaluation.comparing.changes import compare_runs
    from evaluation.results.run import FinishedRun

    changes = compare_runs([FinishedRun(folder) for folder in folders])
    print(summary(changes))
    if out:
        write_changes(changes, out)
        print(f"{len(changes.table)} figures: {out}")


if __name__ == "__main__":
    run(main, prog="python -m evaluation.compare")
