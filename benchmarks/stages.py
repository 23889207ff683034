"""`python -m benchmarks.stages`: where the time of the first report goes, stage by stage.

Runs the first command of the README (`python -m evaluation.run`, the embedded sample) several times
in processes of their own and prints the medians as a section of `docs/benchmarks.md`. What no stage
counts, such as starting Python and Keras, stands in the last row.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.base.percentages import in_percent


def main(
    models: Annotated[
        str, typer.Option(help="As of evaluation.run; the command's own without it.")
    ] = "",
    repeats: Annotated[int, typer.Option(min=1, help="Runs of which the medians count.")] = 3,
) -> None:
    """Measure how long each stage of the first report takes."""
    options = ["--models", models] if models else []
    runs = [_seconds(options) for _ in range(repeats)]
    print(_section(runs, " ".join(options)))


def _seconds(options: list[str]) -> dict[str, float]:
    """Seconds of each stage of one run, of what no stage counts, and of the whole."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "evaluation.run", "--out", str(out), *options]
        start = time.monotonic()
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        whole = time.monotonic() - start
        if finished.returncode:
            last = (finished.stderr.strip() or "no output").splitlines()[-1]
            raise InputError(f"the run must succeed to be measured; it ended with: {last}")
        stages: dict[str, float] = json.loads((out / "manifest.json").read_text())["stages"]
    return stages | {"start and the rest": whole - sum(stages.values()), "all": whole}


def _section(runs: list[dict[str, float]], options: str) -> str:
    """The medians as a table, the longest stage first, the whole last."""
    medians = {name: median(seconds[name] for seconds in runs) for name in runs[0]}
    whole = medians.pop("all")
    ranked = sorted(medians.items(), key=lambda entry: -entry[1])
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    command = f"python -m evaluation.run {options}".rstrip()
    return "\n".join(
        [
            f"`{command}`, medians of {len(runs)}, {cores} cores, load {load:.1f}; measured by",
            "`python -m benchmarks.stages`:",
            "",
            "| stage | seconds | share |",
            "|---|---|---|",
            *(_row(name, seconds, whole) for name, seconds in ranked if seconds >= 0.05),
            _row("all", whole, whole),
        ]
    )


def _row(name: str, seconds: float, whole: float) -> str:
    return f"| {name} | {seconds:.1f} | {in_percent(seconds / whole)} % |"


if __name__ == "__main__":
    run(main, prog="python -m benchmarks.stages")
