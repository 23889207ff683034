"""Sets of a run: reused after a kill, taken back from elsewhere, and attacks that die."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from attacks.fgsm import FGSM
from evaluation.listener import Listener
from evaluation.pipeline import evaluate_run
from tests.evaluation import tiny


def test_finished_sets_are_reused_and_lost_ones_made_again(
    run_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(run_folder, folder)
    lost = next(folder.glob("sets/tiny.fer-fer-pgd*"))
    shutil.rmtree(lost)
    (folder / "results.csv").unlink()
    lines: list[str] = []
    listener = Listener(line=lines.append, chunk=lambda *_: None)
    records = evaluate_run(tiny.config(), tiny.faces(), tiny.models(), folder, None, listener)
    assert (folder / "results.csv").read_bytes() == (run_folder / "results.csv").read_bytes()
    reused = [record["reused_chunks"] for record in records]
    assert reused.count(0) == 1
    assert sum("chunks reused" in line for line in lines) >= len(records) - 1


def test_sets_made_elsewhere_are_taken_back(run_folder: Path, tmp_path: Path) -> None:
    given = run_folder / "sets"
    evaluate_run(tiny.config(), tiny.faces(), tiny.models(), tmp_path, given, tiny.SILENT)
    assert not (tmp_path / "sets").exists()
    assert (tmp_path / "results.csv").read_bytes() == (run_folder / "results.csv").read_bytes()


def test_a_dying_attack_is_an_error_row_and_loses_nothing(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(FGSM, "_attack", die)
    records = evaluate_run(tiny.config(), tiny.faces(), tiny.models(), tmp_path, None, tiny.SILENT)
    failed = [record for record in records if record["status"] == "error"]
    assert {record["perturbation"] for record in failed} == {"fgsm"}
    results = tiny.results_of(tmp_path)
    errors = results[results.status == "error"]
    assert len(errors) == 4  # two models, two label sets
    assert errors.value.isna().all()
    assert (errors.n == 0).all()
    assert errors.detail.str.contains("RuntimeError: out of luck").all()
    worst = tiny.figures(results, "robust_accuracy", perturbation="worst_case")
    assert (worst.status == "flagged").all()
    good = tiny.figures(tiny.results_of(run_folder), "robust_accuracy", perturbation="pgd")
    still = tiny.figures(results, "robust_accuracy", perturbation="pgd")
    np.testing.assert_array_equal(good.value, still.value)
