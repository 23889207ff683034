"""Threads of the frameworks, set before they start: asked of each in a process of its own."""

import os
import subprocess
import sys
from typing import Any

import pytest

from datasets.base.errors import InputError
from datasets.base.threads import VARIABLES, has_started, limit_threads, threads
from evaluation import evaluate

TOLD = """
from datasets.base.threads import limit_threads
limit_threads(1)
from pathlib import Path
import tensorflow as tf, torch
tf.function(lambda x: x @ x)(tf.ones((300, 300)))
tasks = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
print(tasks.count("tf_Compute"), torch.get_num_threads())
"""


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name in ("tensorflow", "torch"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.mark.usefixtures("unset")
def test_threads_are_what_was_set_and_unset_by_default() -> None:
    assert threads() is None
    limit_threads(None)
    assert threads() is None
    limit_threads(3)
    assert threads() == 3
    assert [os.environ.pop(name) for name in VARIABLES] == ["3"] * 3


@pytest.mark.usefixtures("unset")
@pytest.mark.parametrize("count", [0, -1, True, 1.5, "2"])
def test_a_number_that_cannot_be_is_refused(count: Any) -> None:
    with pytest.raises(InputError, match=f"--threads must be a whole number, .*; got {count!r}"):
        limit_threads(count)
    with pytest.raises(InputError, match=f"--threads must be a whole number, .*; got {count!r}"):
        evaluate("simple_cnn.fer", data="no.csv", threads=count)
    assert threads() is None


@pytest.mark.usefixtures("unset")
@pytest.mark.parametrize("package", ["tensorflow", "torch"])
def test_a_framework_that_has_started_keeps_its_threads(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert has_started() == ""
    monkeypatch.setitem(sys.modules, package, sys)
    assert has_started() == package
    with pytest.raises(InputError, match=f"--threads 2 comes too late: {package} has started"):
        limit_threads(2)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert threads() is None  # not all of them


@pytest.mark.slow
def test_the_frameworks_take_them() -> None:
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    told = subprocess.run(
        [sys.executable, "-c", TOLD], env=clean, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["1", "1"]
