"""Figures rebuilt from a finished run's files, byte for byte, and what is no finished run."""

import json
import multiprocessing
import os
import shutil
import sys
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from attacks.fgsm import FGSM
from datasets.base.errors import InputError
from datasets.base.locks import locked
from evaluation import rescore as command
from evaluation.figures.model_scores import Scoring
from evaluation.figures.score_run import rescore
from evaluation.results.run import FinishedRun
from tests.evaluation import tiny
from tests.evaluation.held_rows import write_rows

REBUILT = ("results.csv", "results.parquet", "comparisons.parquet")


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_run(tmp_path_factory.mktemp("run"), tiny.config())


@pytest.fixture
def copy(run_folder: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    shutil.copytree(run_folder, folder, ignore=shutil.ignore_patterns("sets"))
    return folder


def bytes_of(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in REBUILT]


def test_models_scored_by_two_processes_have_the_same_bytes(run_folder: Path, copy: Path) -> None:
    for name in REBUILT:
        (copy / name).unlink()
    rescore(FinishedRun(copy), processes=2)
    assert bytes_of(copy) == bytes_of(run_folder)


class Killed(Scoring):
    """Kills every process that scores but the first."""

    def of(self, model: str) -> str:  # type: ignore[override]
        if multiprocessing.parent_process() is not None:
            os._exit(9)
        return model.upper()


def test_models_of_a_killed_process_are_scored_by_this_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    nothing: list[Any] = [None] * len(fields(Scoring))
    assert [*Killed(*nothing).of_all(["a", "b", "c"], processes=2)] == ["A", "B", "C"]
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("models", "faces", "several"), [(26, 500, True), (3, 500, False), (26, 35_000, False)]
)
def test_many_models_of_few_faces_are_scored_side_by_side(
    models: int, faces: int, several: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 2)
    images = SimpleNamespace(faces=range(faces))
    run = SimpleNamespace(schemes=dict.fromkeys(range(models)), images=images)
    assert command._processes(run) == 1 + several  # type: ignore[arg-type]


def test_figures_are_not_rebuilt_while_another_command_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_check_models", lambda _: None)
    with locked(tmp_path), pytest.raises(InputError, match="another command is writing there"):
        command.main(tmp_path)


def test_lost_tables_come_back_byte_for_byte(run_folder: Path, copy: Path) -> None:
    for name in REBUILT:
        (copy / name).unlink()
    rescore(FinishedRun(copy))
    assert bytes_of(copy) == bytes_of(run_folder)


def test_a_run_without_groups_keeps_no_table_of_them(copy: Path) -> None:
    (copy / "gaps.parquet").write_text("of an earlier start with --groups")
    rescore(FinishedRun(copy))
    assert not (copy / "gaps.parquet").exists()


def test_error_rows_and_flags_come_back_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(FGSM, "_attack", die)
    folder = tiny.write_run(tmp_path / "run", tiny.config(corruptions=(), eps=(0.1,)))
    before = bytes_of(folder)
    assert b"out of luck" in before[0]
    assert b"flagged" in before[0]
    rescore(FinishedRun(folder))
    assert bytes_of(folder) == before


def test_changed_answers_change_the_figures(run_folder: Path, copy: Path) -> None:
    rows = FinishedRun(copy).per_image
    rows.loc[rows.perturbation == "none", "prediction"] = 0
    write_rows(rows, copy)
    rescore(FinishedRun(copy))
    assert bytes_of(copy)[0] != bytes_of(run_folder)[0]


def test_the_command_says_what_it_did(
    copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(copy) == 0
    assert "figures, unchanged" in capsys.readouterr().out
    (copy / "results.csv").write_text("damaged")
    assert command.main(copy) == 0
    assert f"changed. Rebuild the report: python -m reports.build {copy}" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["rescore", str(copy / "nowhere")])
    with pytest.raises(SystemExit) as stopped:
        command.run(command.main, prog="python -m evaluation.rescore")
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert "expected a run folder with a manifest" in error or "expected a finished run" in error


def entry(*classes: str) -> dict[str, object]:
    return {"classes": classes, "label_set": "fer", "weights_sha256": "0"}


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def parts_of(folder: Path) -> list[Path]:
    return sorted((folder / "per_image").glob("*/*.parquet"))


def change_manifest(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: shutil.rmtree(f / "per_image"), "_parts.json: expected a finished run"),
        (lambda f: parts_of(f)[3].unlink(), "expected an intact parquet file"),
        (lambda f: shutil.copy(*parts_of(f)[:2]), "rows, found"),
        (lambda f: (f / "per_image/_parts.json").write_text("{"), "expected an intact JSON file"),
        (lambda f: halve(f / "per_image/_parts.json"), "expected an intact JSON file"),
        (lambda f: (f / "checks.parquet").unlink(), "checks.parquet: expected a finished run"),
        (lambda f: change_manifest(f, schema_version=99), "expected schema version"),
        (lambda f: (f / "manifest.json").write_bytes(b"\xff"), "manifest.json: expected an intact"),
        (lambda f: (f / "manifest.json").write_text("[" * 100_000), "maximum recursion depth"),
        (lambda f: (f / "manifest.json").write_text("[]"), "expected schema version 1, found None"),
        (lambda f: halve(parts_of(f)[-1]), "expected an intact parquet"),
        (lambda f: (f / "checks.parquet").write_text(""), "checks.parquet: expected an intact"),
        (lambda f: change_manifest(f, models={}), "found at models: "),
        (lambda f: change_manifest(f, data={}), "found at data.name: missing"),
        (lambda f: change_manifest(f, models={"a": {}}), "found at models.a.label_set: "),
        (lambda f: change_manifest(f, perturbations=[{}]), "perturbations.0.perturbation: "),
        (lambda f: change_manifest(f, config={"eps": ["0.1"]}), "expected the configuration"),
        (lambda f: change_manifest(f, config={"eps": ["much"]}), "`eps` must be a number"),
        (
            lambda f: change_manifest(f, models={"a": entry("cat", "dog")}),
            "a: expected classes of fer or ferplus, found cat, dog",
        ),
        (
            lambda f: change_manifest(f, models={"a": entry(*tiny.FER7.classes)}),
            "found tiny.fer, tiny.ferplus in its rows of images",
        ),
    ],
)
def test_what_is_no_finished_run_is_refused(damage, words: str, copy: Path) -> None:
    before = bytes_of(copy)
    damage(copy)
    with pytest.raises(InputError) as refused:
        rescore(FinishedRun(copy))
    assert words in str(refused.value)
    assert bytes_of(copy) == before
