"""The benchmark of stages: medians of runs, in a table that adds up."""

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import stages
from datasets.base.errors import InputError


def test_the_longest_stage_comes_first_and_medians_count() -> None:
    runs = [
        {"attacks": 10.0, "report": seconds, "start and the rest": 1.0, "all": 11.0 + seconds}
        for seconds in (2.0, 30.0, 4.0)
    ]
    rows = [line for line in stages._section(runs, "").splitlines() if line.startswith("| ")]
    assert rows[1:] == [
        "| attacks | 10.0 | 67 % |",
        "| report | 4.0 | 27 % |",
        "| start and the rest | 1.0 | 7 % |",
        "| all | 15.0 | 100 % |",
    ]


def test_what_no_stage_counts_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def ran(command: list[str], **_: Any) -> SimpleNamespace:
        out = Path(command[command.index("--out") + 1])
        out.mkdir()
        (out / "manifest.json").write_text(json.dumps({"stages": {"attacks": 0.0}}))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(subprocess, "run", ran)
    found = stages._seconds([])
    assert found["start and the rest"] == found["all"] > 0 == found["attacks"]


def test_a_run_that_fails_is_not_measured() -> None:
    with pytest.raises(InputError, match=r"ended with: .*typo"):
        stages._seconds(["--models", "typo"])
