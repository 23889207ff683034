"""Ranks, boards, seeds and sentences of finished runs."""

import json
import re
from pathlib import Path

import pytest

from tests.cases.conftest import Command, Run
from tests.cases.faces import ON_REAL_FACES

pytestmark = pytest.mark.slow


@pytest.fixture
def board(run: Run, tmp_path: Path) -> Path:
    """Two runs, the second of which older attacks made."""
    folder = tmp_path / "board"
    folder.mkdir()
    for name, models in (("a", "plain.keras"), ("b", "mini_xception.fer")):
        run(models, "small", limit=20).rename(folder / name)
    path = folder / "b" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["code_version"] -= 1
    path.write_text(json.dumps(manifest))
    return folder


def test_versions_of_the_attacks_have_boards_of_their_own(board: Path, command: Command) -> None:
    shown = command("evaluation.leaderboard", board)
    assert shown.code == 0, shown.err
    assert " ".join(shown.out.split()).count("of the attacks)") == 2


def test_two_at_the_floor_are_ranked_by_their_curves(run: Run, command: Command) -> None:
    done = run("plain.keras,pooled.keras", "small")
    shown = command("evaluation.leaderboard", done.parent)
    assert re.search(r"\b1\b\W+pooled\b", shown.out), shown.out
    if ON_REAL_FACES:
        assert re.search(r"\b2\b\W+plain\b", shown.out), shown.out


def test_seeds_show_the_spread(run: Run) -> None:
    done = run("plain.keras", "small", "--seeds", 2, limit=20)
    assert "with seed 1" in (done / "log.txt").read_text()
