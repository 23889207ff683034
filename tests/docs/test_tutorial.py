"""The tutorial's commands: each is parsed here at once, and run as written by the slow test.

`sh` blocks are run in order, in one empty folder; `console` blocks need a network.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.guide import ROOT, parse_command

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
SHORTER = {"python -m evaluation.run --out runs/first": " --models simple_cnn.fer --limit 20"}
"""What the slow test adds, so that the first run does not take minutes."""


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", TUTORIAL, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Lines that run a module of ours."""
    lines = "".join(blocks("sh") + blocks("console")).splitlines()
    return [line for line in lines if line.startswith("python -m") and "venv" not in line]


def test_every_fence_is_known() -> None:
    """A block of another kind would not be run."""
    fences = re.findall(r"^```(.*)$", TUTORIAL, flags=re.MULTILINE)
    assert set(fences[::2]) == {"sh", "console"}
    assert set(fences[1::2]) == {""}
    assert all(line in TUTORIAL for line in SHORTER)
    assert len(commands()) > 10


@pytest.mark.parametrize("line", commands())
def test_command_parses(line: str) -> None:
    parse_command(line)


def test_a_wrong_command_would_not_parse() -> None:
    from typer import TyperException

    with pytest.raises(TyperException, match="No such option"):
        test_command_parses("python -m evaluation.run --limitt 40")


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)]+)\)", TUTORIAL))
def test_link_leads_somewhere(target: str) -> None:
    assert (ROOT / "docs" / target).exists()


@pytest.fixture
def environment() -> dict[str, str]:
    """As a user has it, without FER2013: `python` is this one."""
    kept = {name: value for name, value in os.environ.items() if name != "DEADPAN_DATA"}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}",
    }


@pytest.mark.slow
def test_all_commands_run_as_written(environment: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "user"
    folder.mkdir()
    script = "set -eux\n" + "".join(blocks("sh"))
    for line, more in SHORTER.items():
        script = script.replace(line, line + more)
    result = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr[-3000:]
    for name in ("first", "short", "my_faces", "my_net", "floor", "transfer"):
        assert (folder / "runs" / name / "index.html").exists()
    assert "the claim holds" in result.stdout
    assert "Changes, % and points" in result.stdout
    assert list((folder / "explanations").glob("*gradcam*"))
