"""The command as a user types it: one-line errors, exit codes, resuming after a kill."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attacks.sets.contents import AdversarialSet
from attacks.sets.spec import CODE_VERSION
from attacks.sets.store import open_set
from datasets.base.errors import InputError
from datasets.base.locks import locked
from datasets.faceset import Split
from datasets.labels import FER7
from datasets.read import load
from evaluation import verify
from fer_models.foreign.contract_file import ContractFile, write_contract
from tests.datasets.factory import write_source
from tests.fer_models.conftest import tiny_model
from tests.fer_models.untrained import write_untrained

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in ("DEADPAN_DATA", "TF_CPP_MIN_LOG_LEVEL")
}
"""As a user has it: no data named, no log level set by the tests."""


def deadpan(
    *arguments: object, module: str = "evaluation.run", **env: str
) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=REPOSITORY,
        env={**ENVIRONMENT, **env},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_source(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained mini_xception as a training's folder; its card names PublicTest."""
    return write_untrained(tmp_path_factory.mktemp("untrained"), "epoch chosen on PublicTest")


def refused(result: subprocess.CompletedProcess, words: str) -> None:
    """Exit code 2 and one line on standard error."""
    assert result.returncode == 2, result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1, result.stderr
    assert words in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "/nowhere"], "/nowhere"),
        (["--nonsense"], "--nonsense"),
        (["--models", "simple_cnnn"], "simple_cnnn"),
        (["--models", "/nowhere/net.onnx"], "found no such file"),
        (["--models", "simple_cnn.fer+jpeg:75"], "jpeg:75"),
        (["--tier", "huge"], "huge"),
        (["--precision", "half"], "half"),
        (["--split", "Tset"], "Tset"),
        (["--norm", "l7"], "l7"),
        (["--eps", "8"], "did you mean 8/255?"),
        (["--eps", "-1/255"], "-1/255"),
        (["--labels", "emotion"], "emotion"),
        (["--limit", "-3"], "--limit"),
        (["--seed", "x"], "--seed"),
        (["--fail-under", "robust_accuracy=0.2"], "--fail-under"),
        (["--fail-under", "robust_accuracy@3/255=0.2"], "3/255"),
        (["--adversarial", "/nowhere"], "/nowhere"),
        (["--votes", "/nowhere.csv"], "/nowhere.csv"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], words: str, data: Path, model: Path, tmp_path: Path
) -> None:
    given = {"--data": str(data), "--models": str(model), "--out": str(tmp_path / "run")}
    given.update(zip(arguments[::2], arguments[1::2], strict=False))
    line = [part for pair in given.items() for part in pair]
    refused(deadpan(*line, *(arguments if len(arguments) == 1 else [])), words)
    assert not (tmp_path / "run").exists()


def test_weights_cut_short_leave_no_run(data: Path, model: Path, tmp_path: Path) -> None:
    cut = Path(shutil.copytree(model, tmp_path / "cut"))
    weights = cut / "weights.npz"
    weights.write_bytes(weights.read_bytes()[:1000])
    refused(deadpan("--data", data, "--models", cut, "--out", tmp_path / "run"), "weights.npz")
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, data: Path, model: Path) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    result = deadpan("--data", data, "--models", model, "--out", folder)
    assert result.returncode == 0, result.stderr
    assert "pgd linf 4/255" in result.stderr
    assert "mini_xception.fer" in result.stdout
    (folder.parent / "log").write_text(result.stderr)
    return folder


def test_it_writes_what_it_says(finished: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    assert names == {
        ".lock",
        "answers",
        "checks.parquet",
        "comparisons.parquet",
        "disputed.npz",
        "fingerprints.json",
        "gallery.npz",
        "index.html",
        "manifest.json",
        "per_image",
        "regions.npz",
        "report.md",
        "results.csv",
        "results.parquet",
        "run.json",
        "sets",
        "transfer.parquet",
    }


def test_private_test_is_recommended_for_nets_selected_on_public_test(finished: Path) -> None:
    manifest = json.loads((finished / "manifest.json").read_text())
    assert manifest["data"]["private_test_available"] is True
    assert "--split PrivateTest" in (finished.parent / "log").read_text()


def test_models_that_are_missing_are_named_before_data_are_read(tmp_path: Path) -> None:
    for name in (tmp_path / "net.keras", "no_such_module:model", "json:no_such"):
        refused(deadpan("--data", "/nowhere", "--models", name), str(name))


def test_somebody_elses_model_runs_by_path_once_its_contract_is_told(
    data: Path, tmp_path: Path
) -> None:
    path = tmp_path / "net.keras"
    net = tiny_model()
    net.save(path)
    arguments = ["--data", data, "--models", path, "--out", tmp_path / "run"]
    result = deadpan(*arguments)  # untrained: the probe says what it tries, and cannot tell
    first, *_, error = result.stderr.splitlines()
    assert result.returncode == 2 and "the probe tries" in first
    assert error.startswith("error: ") and "rite a contract" in error
    assert not (tmp_path / "run").exists()
    file = ContractFile(classes=FER7.classes, height=8, width=8, channels=1)
    write_contract(file, tmp_path / "net.keras.contract.json")
    result = deadpan(*arguments)
    assert result.returncode == 0, result.stderr
    entry = json.loads((tmp_path / "run" / "manifest.json").read_text())["models"]["net"]
    assert (entry["architecture"], entry["label_set"]) == ("foreign", "fer")
    assert entry["given_as"] == str(path)
    assert entry["parameters"] == net.count_params()
    assert (tmp_path / "run" / "index.html").exists()


def test_a_finished_run_is_not_overwritten(finished: Path, data: Path, model: Path) -> None:
    before = (finished / "results.csv").read_bytes()
    refused(deadpan("--data", data, "--models", model, "--out", finished), "--resume")
    with locked(finished):
        now = deadpan("--data", data, "--models", model, "--out", finished, "--resume")
    refused(now, "another command is writing there")
    other = deadpan("--data", data, "--models", model, "--out", finished, "--resume", "--seed", "1")
    refused(other, "differ")
    assert (finished / "results.csv").read_bytes() == before


def test_a_floor_missed_exits_1_and_a_resumed_run_is_the_same(
    finished: Path, data: Path, model: Path
) -> None:
    before = (finished / "results.csv").read_bytes()
    floor = "robust_accuracy@4/255=0.99"
    line = ["--data", data, "--models", model, "--out", finished, "--resume", "--fail-under", floor]
    result = deadpan(*line)
    assert result.returncode == 1
    assert "missed: mini_xception.fer-2 under fer labels" in result.stdout
    assert "chunks reused" in result.stderr
    assert (finished / "results.csv").read_bytes() == before


def test_figures_are_rebuilt_byte_for_byte(finished: Path) -> None:
    names = ("results.csv", "results.parquet", "comparisons.parquet")
    before = [(finished / name).read_bytes() for name in names]
    result = deadpan(finished, module="evaluation.rescore")
    assert result.returncode == 0, result.stderr
    assert "figures, unchanged" in result.stdout
    assert [(finished / name).read_bytes() for name in names] == before
    refused(deadpan("/nowhere", module="evaluation.rescore"), "/nowhere/manifest.json")


def test_the_function_does_what_the_command_does(
    finished: Path, data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from evaluation import evaluate

    run = evaluate([model], data=data, out=tmp_path / "run", resume=True)
    assert f"{tmp_path / 'run'} holds no run yet, so a new one starts" in capsys.readouterr().err
    assert run.csv.read_bytes() == (finished / "results.csv").read_bytes()
    assert run.report.exists()
    assert run.manifest["command"] == "from evaluation import evaluate"
    assert run.manifest["code_version"] == CODE_VERSION
    frame = run.to_frame()
    frame["value"] = 0.0
    assert (run.to_frame().value != 0).any()
    wrong: list[Any] = [[8.0], 8, np.float32(8), "8"]
    for eps in wrong:
        with pytest.raises(InputError, match="did you mean 8/255"):
            evaluate(model, data=data, eps=eps, out=tmp_path / "other")
    with pytest.raises(InputError, match="--certify must be sigmas"):
        evaluate(model, data=data, certify=2, out=tmp_path / "other")
    with pytest.raises(InputError, match="--resume needs --out"):
        evaluate(model, data=data, resume=True)


@pytest.mark.slow
def test_killed_five_times_it_ends_with_the_same_results(
    finished: Path, data: Path, model: Path, tmp_path: Path
) -> None:
    line = [
        sys.executable, "-m", "evaluation.run", "--data", str(data), "--models", str(model),
        "--out", str(tmp_path / "run"), "--resume",
    ]  # fmt: skip
    for seconds in (6.0, 8.0, 9.0, 10.0, 11.0):
        process = subprocess.Popen(line, cwd=REPOSITORY, stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
    result = subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "run/results.csv").read_bytes() == (finished / "results.csv").read_bytes()


def test_a_claimed_set_is_verified(finished: Path, data: Path, model: Path) -> None:
    (folder,) = finished.glob("sets/*-fer-pgd-*")
    result = deadpan(folder, model, "--data", data, module="evaluation.verify")
    assert result.returncode == 0, result.stderr
    assert "the claim holds" in result.stdout
    other = deadpan(folder, model, "--data", "sample", module="evaluation.verify")
    assert other.returncode == 2 and "made of other faces" in other.stderr
    refused(deadpan("/nowhere.npz", model, module="evaluation.verify"), "--eps")


def test_confirmed_images_of_others_count_in_a_run(
    finished: Path, data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "run"))
    (folder,) = finished.glob("sets/*-fer-pgd-*")
    made, faces = open_set(folder), load(data, Split.PUBLIC_TEST)
    assert isinstance(made, AdversarialSet) and len(made.images)
    rows = made.row_ids[made.image_rows]
    places = [faces.row_ids.tolist().index(row) for row in rows]
    arrays = {
        "clean": faces.images[places].astype(np.float32) / 255,
        "adversarial": made.images,
        "labels": made.labels[made.image_rows],
    }
    theirs = tmp_path / "theirs.npz"
    options: dict[str, Any] = {"data": str(data), "eps": "16/255", "into": run}
    request = verify.VerifyRequest(set_path=theirs, model=str(model), **options)
    np.savez(theirs, **arrays)
    with pytest.raises(InputError, match="--into needs `rows`"):
        verify.main(request)
    np.savez(theirs, **arrays, rows=rows + 1)
    with pytest.raises(InputError, match="is not that face of"):
        verify.main(request)
    np.savez(theirs, **arrays, rows=rows)
    assert verify.main(request) == 0
    assert f"{len(rows)} of them were added to {run}" in capsys.readouterr().out
    assert b"best_known" in (run / "results.csv").read_bytes()
