"""`python -m benchmarks.fuzz`: give every reader hostile input, and print what it cost.

Runs each test of `tests/fuzz` in a process of its own, with this many inputs for the reader that it
tests; forms of a reader share them. Prints a row of `docs/benchmarks.md` for each: inputs, faults
(inputs that hypothesis could reduce to different errors, and a crash of the process), seconds of
the processor, peak memory.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from datasets.base.commands import run

ROOT = Path(__file__).parents[1]
FOLDER = "tests/fuzz"


class Row(NamedTuple):
    """What one reader came to; peak memory in MB includes Python and its packages."""

    name: str
    inputs: int
    faults: int
    seconds: float
    megabytes: float


def main(
    inputs: Annotated[int, typer.Option(min=1, help="Inputs per reader.")] = 10_000,
    only: Annotated[str, typer.Option(help="Readers whose name contains this.")] = "",
) -> int:
    """Give every reader hostile input; exit code 1 if one of them fails."""
    print("| reader | inputs | faults | processor seconds | peak memory |")
    print("|---|---|---|---|---|", flush=True)
    faults = 0
    for test in _tests():
        if only in test:
            row = _try(test, inputs)
            faults += row.faults
            cells = row.name, f"{row.inputs:,}", row.faults, f"{row.seconds:,.0f}"
            print("|", " | ".join(map(str, cells)), f"| {row.megabytes:,.0f} MB |", flush=True)
    return 1 if faults else 0


def _tests() -> list[str]:
    """`FILE::FUNCTION` of every test that is given hostile input."""
    found = []
    for path in sorted((ROOT / FOLDER).glob("test_*.py")):
        marked = re.findall(r"@(?:fuzz|inputs\(.*\))\n@given\(.*\)\ndef (\w+)", path.read_text())
        found += [f"{FOLDER}/{path.name}::{name}" for name in marked]
    return found


def _try(test: str, inputs: int) -> Row:
    """Run one test."""
    command = [sys.executable, "-m", "pytest", "-q", "--hypothesis-show-statistics", test]
    settings = {**os.environ, "DEADPAN_FUZZ": str(inputs)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, env=settings
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
    tried = sum(map(int, re.findall(r"(\d+) (?:passing|failing)\b", output)))
    failed = len(re.findall(r"^(?:FAILED|ERROR) ", output, re.M))
    failed += os.WIFSIGNALED(status)  # a library of C crashed
    if failed:
        print(output, file=sys.stderr)
    name = test.rpartition("::test_")[2].replace("_", " ")
    peak = used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return Row(name, tried, failed, used.ru_utime + used.ru_stime, peak)


if __name__ == "__main__":
    run(main, prog="python -m benchmarks.fuzz")
