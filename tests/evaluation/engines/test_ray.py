"""Runs on Ray's own workers: the same bytes as in one process, also when a node is killed."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from datasets.base.threads import VARIABLES

ROOT = Path(__file__).parents[3]
OPTIONS: dict[str, Any] = {
    "models": ["tiny.fer", "tiny.fer+bits3"],
    "data": "sample",
    "limit": 200,
    "eps": ["1/255", "4/255"],
    "threads": 1,
}
LOCAL = f"""
from evaluation import evaluate
import sys
evaluate(**{OPTIONS!r}, out=sys.argv[1])
"""


def run(*arguments: str | Path) -> str:
    """Run Python in a process of its own; returns its standard error."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in VARIABLES and not name.startswith("RAY_")
    }
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=ROOT, env=clean, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("runs") / "local"
    run("-c", LOCAL, folder)
    return (folder / "results.csv").read_bytes()


@pytest.mark.slow
def test_two_workers_end_in_the_same_bytes(local: bytes, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    said = run("-m", "tests.evaluation.engines.ray_run", tmp_path / "run")
    assert (tmp_path / "run" / "results.csv").read_bytes() == local
    assert "ray: 2 workers of 1 thread" in said


@pytest.mark.slow
def test_a_cluster_that_loses_a_node_ends_in_the_same_bytes(local: bytes, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    options = [f"--{name}={_words(value)}" for name, value in OPTIONS.items()]
    where = ("--engine=ray", "--out", tmp_path / "run")
    said = run("-m", "benchmarks.faults.cluster", *options, *where)
    assert (tmp_path / "run" / "results.csv").read_bytes() == local
    assert "ray: 3 workers of 1 thread" in said
    assert "a node was killed" in said and "another node joined" in said
    assert "ray: a worker died while it" in said


def _words(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)
