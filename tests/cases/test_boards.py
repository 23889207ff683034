"""Ranks, boards, seeds and sentences of finished runs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from evaluation.results.run import FinishedRun
from tests.cases.conftest import Command, Run
from tests.cases.faces import ON_REAL_FACES
from tests.cases.found import figures, page
from tests.evaluation.held_rows import write_rows

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
    versions = re.findall(r"version (\d+) of the attacks", " ".join(shown.out.split()))
    assert len(versions) == len(set(versions)) == 2, shown.out


def test_a_terminal_without_utf_8_gets_the_table_in_ascii(board: Path) -> None:
    """As a process of its own: the encoding is that of its standard output."""
    command = [sys.executable, "-m", "evaluation.leaderboard", str(board)]
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    shown = subprocess.run(command, env=ascii_only, capture_output=True, check=False)
    assert shown.returncode == 0, shown.stderr
    assert b"mini_xception.fer" in shown.stdout and shown.stdout.isascii()


def test_two_at_the_floor_are_ranked_by_their_curves(run: Run, command: Command) -> None:
    """Their page claims no power there, and has an interval beside every score."""
    done = run("plain.keras,pooled.keras", "small")
    shown = command("evaluation.leaderboard", done.parent)
    assert shown.out.index("pooled") < shown.out.index("plain"), shown.out
    words = page(done)
    if ON_REAL_FACES:
        assert re.search(r"\b1\b\W+pooled\b", shown.out), shown.out
        assert re.search(r"\b2\b\W+plain\b", shown.out), shown.out
        assert "in the worst case at 4/255 nothing, because both are at 0 %" in words
    for rows in (figures(done, "robust_accuracy_8bit"), figures(done, "robust_accuracy")):
        assert {"plain", "pooled"} <= set(rows.model)
    assert "8-bit images 4/255" in words
    for metric, missing in (("brier", 0), ("nll", 0), ("debiased_ece", 0), ("ece", 1)):
        rows = figures(done, metric)
        assert len(rows) and (rows.ci_low.isna() == bool(missing)).all(), metric
    number = r"\d\.\d\d \(\d\.\d\d.\d\.\d\d\)"
    assert re.search(rf"ECE \d+ % \(\d+.\d+\), Brier {number}, NLL {number}", words)


def test_robust_above_clean_is_an_error_and_no_figure(run: Run, command: Command) -> None:
    """A run in which a set of other weights was reused, as versions before this one did."""
    done = run("plain.keras", "small", limit=40)
    rows = FinishedRun(done).per_image
    of_pgd = rows.perturbation == "pgd"
    assert (rows.smallest_eps[of_pgd] == 0).any(), "some faces are wrong without an attack"
    rows.loc[of_pgd, "smallest_eps"] = np.nan
    write_rows(rows, done)
    assert command("evaluation.rescore", done).code == 0
    assert command("reports.build", done).code == 0
    found = figures(done, "robust_accuracy")
    (error,) = found[found.perturbation == "pgd"].itertuples()
    assert error.status == "error" and np.isnan(error.value)
    assert "40 of 40 faces robust, but only" in error.detail
    assert "plain PGD 4/255 — 0 error" in page(done)
    for text in (page(done), (done / "report.md").read_text()):
        assert "o valid figure: without images, or with more faces robust than" in text
        assert "100 % are still" not in text.replace("\u202f", " ")
    shown = command("evaluation.leaderboard", done)
    assert not re.search(r"\b1\b\W+plain\b", shown.out), shown.out


def test_seeds_show_the_spread(run: Run) -> None:
    done = run("plain.keras", "small", "--seeds", 3, limit=40)
    assert "with seed 2" in (done / "log.txt").read_text()
    spread = figures(done, "robust_accuracy_spread")
    noise = spread[(spread.perturbation == "noise") & np.isclose(spread.eps.astype(float), 4 / 255)]
    assert re.fullmatch(
        r".* % with seed 0, .* % with seed 1, .* % with seed 2", noise.detail.item()
    )
    shares = [float(share) for share in re.findall(r"([\d.]+) %", noise.detail.item())]
    assert noise.value.item() == pytest.approx((max(shares) - min(shares)) / 100, abs=1e-3)
    assert "worst_case" in set(spread.perturbation)
