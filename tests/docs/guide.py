"""Follow a page of the docs: parse its commands, write its files, apply its diffs.

A page has `python` blocks, each after "Write `FILE`"; `diff` blocks, after "Register it in `FILE`";
and `sh` blocks.
"""

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any
from unittest.mock import patch

from typer import Typer
from typer.main import get_command

from datasets.base.commands import with_numbers

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", flags=re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"(?:Write|Register it in)\s+`([\w/]+\.py)`")


def blocks(page: str) -> list[tuple[str, str, str]]:
    """Kind, file that it is about, and text of each fenced block of a page, in order."""
    found = []
    for match in BLOCK.finditer(page):
        prose = BLOCK.sub("", page[: match.start()])
        named = NAMED.findall(prose)
        found.append((match[2], named[-1] if named else "", dedent(match[3])))
    return found


def follow(page: str, folder: Path) -> str:
    """Write and change the files of a page in a copy of the rooms they are in; return its commands.

    Raises:
        AssertionError: a diff does not fit the file exactly once, or a file exists already.
    """
    rooms = {file.partition("/")[0] for kind, file, _ in blocks(page) if kind != "sh"}
    for room in rooms:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / room, folder / room, ignore=ignored)
    for kind, file, text in blocks(page):
        path = folder / file
        if kind == "python":
            assert not path.exists(), f"{file} exists already"
            path.write_text(text)
        elif kind == "diff":
            lines = text.splitlines()
            old = "\n".join(line[1:] for line in lines if line[0] in " -")
            new = "\n".join(line[1:] for line in lines if line[0] in " +")
            before = path.read_text()
            assert before.count(old) == 1, f"{old!r} is not in {file} exactly once"
            path.write_text(before.replace(old, new))
    return "".join(text for kind, _, text in blocks(page) if kind == "sh")


def shell(script: str, folder: Path) -> str:
    """Run commands in a folder with its copies of rooms before ours; return standard output."""
    kept = {name: value for name, value in os.environ.items() if name != "DEADPAN_DATA"}
    search = {
        "PYTHONPATH": f"{folder}:{ROOT}",
        "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}",
    }
    answer = subprocess.run(
        ["bash", "-c", f"set -eu\n{script}"],
        cwd=folder,
        env={**kept, **search},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr[-3000:]
    return answer.stdout


def parse_command(line: str) -> None:
    """Parse `python -m MODULE ARGUMENTS` as the command does, and run nothing.

    Raises:
        typer.TyperException: an option that the command does not have, or a value it refuses.
    """
    _, _, module, *arguments = shlex.split(line, comments=True)
    command, optional_numbers = _command(module)
    command.make_context(module, with_numbers(arguments, optional_numbers))


def options(module: str) -> list[tuple[str, ...]]:
    """The spellings of each option of a command: `("--model", "--models")`."""
    command, _ = _command(module)
    spellings = [(*each.opts, *each.secondary_opts) for each in command.params]
    return [each for each in spellings if each[0].startswith("--") and "--help" not in each]


def _command(module: str) -> tuple[Any, dict[str, str]]:
    """A command as typer knows it, and its options whose number may be left out."""
    with patch("datasets.base.commands.run") as run:
        runpy.run_module(module, run_name="__main__")
    (main,) = run.call_args.args
    app = Typer(add_completion=False)
    app.command()(main)
    return get_command(app), run.call_args.kwargs.get("optional_numbers", {})
