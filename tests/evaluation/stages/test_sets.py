"""Sets of a run: reused after a kill, taken from another folder, and attacks that fail."""

import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attacks.fgsm import FGSM
from attacks.pgd import PGD
from attacks.registry import ATTACKS
from attacks.sets.contents import AdversarialSet
from attacks.sets.store import complete_sets, open_set
from evaluation.config import AttackSettings
from evaluation.listener import Listener
from evaluation.stages.jobs import plan
from evaluation.stages.pipeline import evaluate_run
from evaluation.stages.sets import found_elsewhere, make_sets
from fer_models.classifier import ModelError
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
    for record in records:
        attack = ATTACKS.get(record["perturbation"])
        words = (attack.title, attack.words) if attack else (None, None)
        assert (record.get("title"), record.get("words")) == words


def test_a_face_of_the_same_label_under_both_sets_is_attacked_once(run_folder: Path) -> None:
    (fer,) = map(open_set, run_folder.glob("sets/tiny.fer-fer-pgd*"))
    (ferplus,) = map(open_set, run_folder.glob("sets/tiny.fer-ferplus-pgd*"))
    assert isinstance(fer, AdversarialSet) and isinstance(ferplus, AdversarialSet)
    one, other = dict(zip(fer.row_ids, fer.labels)), dict(zip(ferplus.row_ids, ferplus.labels))
    alike = [row for row in other if one.get(row) == other[row]]
    assert 0 < len(alike) < len(other)
    images = [dict(zip(made.row_ids[made.image_rows], made.images[:])) for made in (fer, ferplus)]
    broken = [row for row in alike if row in images[1]]
    assert broken and all(images[0][row].tobytes() == images[1][row].tobytes() for row in broken)


@pytest.mark.parametrize(("universal", "often"), [(False, 1), (True, 2)])
def test_images_that_hang_on_each_other_are_made_for_each_label_set(
    universal: bool, often: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tiny.rows_attacked(monkeypatch, PGD, "_attack")
    monkeypatch.setattr(PGD, "universal", universal)
    faces, models = tiny.faces(), tiny.models()[:1]
    assert faces.fer is not None
    alike = np.array([4, 5, 6, 1, 3, 2, 0])[faces.fer]  # columns of the votes: neutral is the first
    faces = replace(faces, votes=10 * np.eye(10, dtype=np.uint8)[alike])
    config = tiny.config(eps=(1e-6,), attacks=(AttackSettings(name="pgd"),), corruptions=())
    jobs = plan(config, faces, models)
    assert len(list(make_sets(jobs, faces, tmp_path, {}, tiny.SILENT))) == 2
    assert np.unique(asked, return_counts=True)[1].tolist() == [often] * 32


def test_sets_made_elsewhere_are_taken_back(run_folder: Path, tmp_path: Path) -> None:
    given, lines = run_folder / "sets", list[str]()
    listener = Listener(line=lines.append, chunk=lambda *_: None)
    evaluate_run(tiny.config(), tiny.faces(), tiny.models(), tmp_path, given, listener)
    assert not (tmp_path / "sets").exists()
    assert (tmp_path / "results.csv").read_bytes() == (run_folder / "results.csv").read_bytes()
    count = len([*given.iterdir()])
    assert f"--adversarial: {given} holds {count} of {count} sets of this run" in lines


def test_a_run_says_that_sets_made_elsewhere_are_not_its_own(run_folder: Path) -> None:
    given, models = complete_sets(run_folder / "sets"), tiny.models()[:1]
    config = tiny.config(eps=(0.02,), attacks=(AttackSettings(name="fgsm"),))
    jobs = plan(config, tiny.faces(), models)
    words = found_elsewhere(jobs, tiny.faces(), given)
    assert words.startswith("1 of 3 sets of this run; the others are made")
    assert "eps grid" in words  # which differs: the set that it holds is of a corruption


@pytest.mark.parametrize(
    ("kind", "words"), [(RuntimeError, "RuntimeError: out of luck"), (ModelError, "out of luck")]
)
def test_a_dying_attack_is_an_error_row_and_loses_nothing(
    kind: type[Exception],
    words: str,
    run_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_: object) -> None:
        raise kind("out of luck")

    monkeypatch.setattr(FGSM, "_attack", die)
    records = evaluate_run(tiny.config(), tiny.faces(), tiny.models(), tmp_path, None, tiny.SILENT)
    failed = [record for record in records if record["status"] == "error"]
    assert {record["perturbation"] for record in failed} == {"fgsm"}
    results = tiny.results_of(tmp_path)
    errors = results[results.status == "error"]
    assert len(errors) == 4  # two models, two label sets
    assert errors.value.isna().all()
    assert (errors.n == 0).all()
    assert errors.detail.str.startswith(words).all()
    worst = tiny.figures(results, "robust_accuracy", perturbation="worst_case")
    assert (worst.status == "flagged").all()
    good = tiny.figures(tiny.results_of(run_folder), "robust_accuracy", perturbation="pgd")
    still = tiny.figures(results, "robust_accuracy", perturbation="pgd")
    np.testing.assert_array_equal(good.value, still.value)


def test_memory_that_runs_out_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: Any, **__: Any) -> None:
        raise MemoryError("std::bad_alloc")

    monkeypatch.setattr("attacks.sets.chunks.Chunk.make", none_left)
    with pytest.raises(MemoryError, match="bad_alloc"):
        evaluate_run(tiny.config(), tiny.faces(), tiny.models(), tmp_path, None, tiny.SILENT)
    assert not (tmp_path / "results.csv").exists()


@pytest.mark.parametrize("where", ["attacks.sets.sweep.write_chunk", "numpy.savez"])
def test_a_full_disk_ends_the_run_and_is_no_result(
    where: str, run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks of sets, and logits of images that all models classify."""

    def run() -> None:
        evaluate_run(tiny.config(), tiny.faces(), tiny.models(), tmp_path, None, tiny.SILENT)

    def full(*given: Any, **arrays: Any) -> None:
        if where == "numpy.savez" and list(arrays) != ["logits"]:
            return write(*given, **arrays)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write = np.savez
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(where, full)
        run()
    assert not (tmp_path / "results.csv").exists()
    run()
    assert (tmp_path / "results.csv").read_bytes() == (run_folder / "results.csv").read_bytes()
