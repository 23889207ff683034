"""Robust accuracy against 8-bit images beside the float one."""

from pathlib import Path

import pandas as pd
import pytest

from evaluation.results.run import FinishedRun
from evaluation.results.select import clean_accuracy, pick, robust_accuracy
from reports.page import render
from reports.sections.eight_bits import CHECK, eight_bit_table
from tests.reports.fake_run import replace, write_run
from tests.reports.wishes import FOUR, Wishes


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    wishes = Wishes(models=FOUR[:1], label_sets=("fer",), corruptions=(), examples=0)
    folder: Path = tmp_path_factory.mktemp("run")
    return FinishedRun(write_run(folder, wishes))


def rounded(run: FinishedRun, share: float) -> FinishedRun:
    """The run with the check of PGD's and noise's rounded images."""
    row = run.checks.iloc[0].to_dict() | {"check": CHECK, "value": share, "status": "ok"}
    row |= {"model": FOUR[0], "attacked_labels": "fer"}
    more = [row | {"perturbation": name} for name in ("pgd", "noise")]
    return replace(run, checks=pd.concat([run.checks, pd.DataFrame(more)], ignore_index=True))


def test_rounding_gives_a_share_of_the_broken_faces_back(run: FinishedRun) -> None:
    clean = clean_accuracy(run.results, "fer")["value"].iloc[0]
    robust = pick(robust_accuracy(run.results, "fer", "linf", "pgd"), eps=4 / 255)["value"].iloc[0]
    right, still = round(400 * clean), round(400 * robust)
    back = still + round(0.25 * (right - still))  # a quarter of the broken faces
    table = eight_bit_table(rounded(run, 0.25))
    assert table is not None
    ((model, labels, attack, eps, before, after, n),) = table.rows
    assert (model, labels, attack, eps, n) == (FOUR[0], "FER", "PGD", "4/255", "400")
    assert before.startswith(f"{100 * robust:.1f}\u202f% (")
    assert after.startswith(f"{100 * back / 400:.0f}\u202f% (")
    assert "rounded to 8 bits" in render(rounded(run, 0.25))


def test_a_run_without_the_check_has_no_table(run: FinishedRun) -> None:
    assert eight_bit_table(run) is None
