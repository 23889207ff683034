"""A model that changed without its files changing: resume, reuse of sets and rescore refuse it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from attacks.sets.task import CleanFaces, answers_of
from datasets.base.errors import InputError
from datasets.labels import FER7, LabelSet
from evaluation.checks.rules import Rank, failed_rules
from evaluation.comparing.rivals import is_whole
from evaluation.listener import Listener
from evaluation.results.files import read_table
from evaluation.results.run import FinishedRun
from evaluation.results.schema import AT_THE_END, CHECK_COLUMNS, FINGERPRINTS
from evaluation.stages import pipeline
from evaluation.stages.fingerprints import (
    CHANGED,
    check_again,
    check_finished,
    check_measured,
    check_or_keep,
    fingerprints_of,
)
from evaluation.stages.foreign_models import keep_contracts
from evaluation.stages.pipeline import evaluate_run
from fer_models.classifier import Classifier
from fer_models.foreign.contract_file import ContractFile, write_contract
from fer_models.identity import same_answers
from fer_models.zoo import load
from tests.datasets.factory import write_source
from tests.evaluation import tiny

REPOSITORY = Path(__file__).parents[3]
OTHERWISE = "the model {} gives other logits than when the run began"


class Movable(Classifier):
    """Answers as the tiny net, plus a bias that no hash of files sees."""

    id, scheme, weights_sha256 = "movable", FER7, "m" * 64

    def __init__(self, bias: float = 0.0, noise: float = 0.0) -> None:
        self.net, self.bias, self.noise = tiny.classifier(), bias, noise
        self.rng = np.random.default_rng(0)

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        logits = self.net.logits(images)
        logits[:, 0] += self.bias
        draws = self.rng.standard_normal(logits.shape)
        return (logits + self.noise * draws).astype(np.float32)


class Label(Movable):
    """Tells the label only, with a bias another one for every 40th image."""

    labels_only = True

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        labels = self.net.logits(images).argmax(axis=1)
        if self.bias:
            labels[20::40] = (labels[20::40] + 1) % 7
        return np.eye(7, dtype=np.float32)[labels]


class Failing(Movable):
    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        raise RuntimeError("no")


def test_models_are_kept_once_and_compared_afterwards(tmp_path: Path) -> None:
    check_or_keep([Movable(), tiny.classifier()], tmp_path)
    before = (tmp_path / FINGERPRINTS).read_bytes()
    check_or_keep([Movable(1e-6), tiny.classifier()], tmp_path)
    for other in (Movable(0.1), Movable(noise=1.0)):
        with pytest.raises(InputError, match=OTHERWISE.format("movable")):
            check_or_keep([other, tiny.classifier()], tmp_path)
    with pytest.raises(InputError, match="movable answered when the run began and fails now: no"):
        check_or_keep([Failing(), tiny.classifier()], tmp_path)
    assert (tmp_path / FINGERPRINTS).read_bytes() == before
    (tmp_path / FINGERPRINTS).write_text("[]")
    with pytest.raises(InputError, match=r"fingerprints\.json: expected the logits"):
        check_or_keep([Movable()], tmp_path)


def test_models_that_fail_or_answer_at_random_have_no_fingerprint(tmp_path: Path) -> None:
    assert fingerprints_of([Movable(noise=1.0), Failing()]) == {}
    check_or_keep([Movable(noise=1.0)], tmp_path)
    check_or_keep([Movable(noise=1.0)], tmp_path)  # and may be resumed


def test_images_that_fool_a_changed_model_are_not_counted(tmp_path: Path) -> None:
    check_or_keep([Movable()], tmp_path)
    manifest = {"models": {"movable": {"weights_sha256": Movable.weights_sha256}}}

    def finished() -> FinishedRun:
        run = FinishedRun(tmp_path)
        run.__dict__["manifest"] = manifest
        return run

    check_measured(finished(), Movable(1e-6))
    with pytest.raises(InputError, match=OTHERWISE.format("movable")):
        check_measured(finished(), Movable(0.5))
    (tmp_path / FINGERPRINTS).unlink()  # a run of an older version
    check_measured(finished(), Movable(0.5))


def test_a_model_that_tells_labels_is_another_one_if_a_single_label_differs(tmp_path: Path) -> None:
    for _ in range(2):
        check_or_keep([Label()], tmp_path)
    with pytest.raises(InputError, match=OTHERWISE.format("movable")):
        check_or_keep([Label(1.0)], tmp_path)
    again = [check_again([Label(bias)], tmp_path)[0] for bias in (0.0, 1.0)]
    assert [(one["status"], one["value"]) for one in again] == [("ok", 0), ("flagged", 2 / 72)]
    faces = CleanFaces.of(tiny.faces())
    before, now = (np.array(answers_of(Label(bias), faces)) for bias in (0.0, 1.0))
    assert len(before) == 40 and not same_answers(before, now)


@pytest.mark.parametrize("given", [False, True])
def test_sets_of_a_model_that_changed_are_refused(tmp_path: Path, given: bool) -> None:
    run = tiny.config(
        models=("movable",), corruptions=(), labels=(LabelSet.FER,), attacks=tiny.SEARCH
    )
    first = tmp_path / "first"
    first.mkdir()
    evaluate_run(run, tiny.faces(), [Movable()], first, None, tiny.SILENT)
    out = tmp_path / "other" if given else first
    out.mkdir(exist_ok=True)
    source = first / "sets" if given else None
    evaluate_run(run, tiny.faces(), [Movable(1e-6)], out, source, tiny.SILENT)
    with pytest.raises(InputError, match="movable gives other logits than when this set was made"):
        evaluate_run(run, tiny.faces(), [Movable(0.5)], out, source, tiny.SILENT)


@pytest.mark.parametrize(
    ("change", "status"),
    [({"bias": 1.0}, "flagged"), ({"bias": 1e-6}, "ok"), ({"net": None}, "error")],
)
def test_a_model_that_changes_during_the_run_has_no_rank(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object], status: str
) -> None:
    """Nor can the run be resumed, even by a model that answers as at first."""
    movable, steady, told = Movable(), tiny.classifier(model_id="steady"), list[str]()
    monkeypatch.setattr(pipeline, "repeat_attacks", lambda *_: vars(movable).update(change))
    run = tiny.config(
        models=("movable", "steady"), corruptions=(), labels=(LabelSet.FER,), attacks=tiny.SEARCH
    )
    check_or_keep([movable, steady], tmp_path)
    listener = Listener(line=told.append, chunk=lambda *_: None)
    evaluate_run(run, tiny.faces(), [movable, steady], tmp_path, None, listener)
    checks = read_table(tmp_path / "checks.parquet", CHECK_COLUMNS)
    again = checks[checks.check == AT_THE_END].set_index("model").status
    assert again.to_dict() == {"movable": status, "steady": "ok"}
    assert is_whole("movable", "fer", FER7, tiny.results_of(tmp_path), checks) == (status == "ok")
    words = "movable: The model gives other logits at the end of the run"
    assert any(line.startswith(words) for line in told) == (status == "flagged")
    if status == "flagged":
        assert failed_rules(checks, "movable", "fer", Rank.NONE) == ["R11"]
        with pytest.raises(InputError, match=OTHERWISE.format("movable")):
            check_or_keep([Movable(), steady], tmp_path)
    else:
        check_or_keep([Movable(), steady], tmp_path)


def test_figures_of_a_model_that_changed_can_still_be_rebuilt(tmp_path: Path) -> None:
    """They are flagged; there is no model that they could be compared with."""
    net = tmp_path / "net.keras"
    tiny.classifier().model.save(net)
    file = ContractFile(classes=FER7.classes, height=8, width=8, channels=1)
    write_contract(file, tmp_path / "net.keras.contract.json")
    manifest = {"models": {"net": {"given_as": str(net)}}}
    run = cast(FinishedRun, SimpleNamespace(folder=tmp_path, manifest=manifest))
    (tmp_path / FINGERPRINTS).write_text(json.dumps({"net": CHANGED.tolist()}))
    assert check_finished(run) == ["net: it changed during the run"]


def test_figures_are_not_rebuilt_beside_a_contract_file_that_was_edited(tmp_path: Path) -> None:
    """It was incomplete, and the run found the rest."""
    net, beside = tmp_path / "net.keras", tmp_path / "net.keras.contract.json"
    tiny.classifier().model.save(net)
    beside.write_text('{"low": 0}')
    file = ContractFile(classes=FER7.classes, height=8, width=8, channels=1)
    keep_contracts({str(net): file}, tmp_path)
    (tmp_path / FINGERPRINTS).write_text("{}")
    manifest = {"models": {"net": {"given_as": f"{net}+bits3"}}}
    run = cast(FinishedRun, SimpleNamespace(folder=tmp_path, manifest=manifest))
    assert check_finished(run) == []
    beside.write_text('{"low": -1}')
    with pytest.raises(InputError, match="something else of low"):
        check_finished(run)


def test_shipped_and_random_models_are_not_asked_again(tmp_path: Path) -> None:
    models = [load("tiny.fer"), load("tiny.fer+jpeg75"), Movable(noise=1.0)]
    check_or_keep(models, tmp_path)
    assert check_again(models, tmp_path) == []


CALLABLE = """
from pathlib import Path
import numpy as np
_bias = np.load(Path(__file__).with_name("bias.npy"))

def net(images):
    rows = images.reshape(len(images), -1)
    return rows[:, :: rows.shape[1] // 7][:, :7].astype(np.float32) * 5 + _bias
"""


@pytest.mark.slow
def test_a_callable_that_reads_another_weight_file_is_refused(tmp_path: Path) -> None:
    """The first case of the list of faults, as a user types it."""
    (tmp_path / "own.py").write_text(CALLABLE)
    np.save(tmp_path / "bias.npy", np.zeros(7, np.float32))
    file = ContractFile(classes=FER7.classes, height=48, width=48, channels=1)
    write_contract(file, tmp_path / "own.net.contract.json")
    data = write_source(tmp_path / "data")

    def deadpan(module: str, *arguments: object) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
            timeout=300,
        )

    options = ("--eps", "4/255", "--labels", "fer", "--out", tmp_path / "run")
    line = ("evaluation.run", "--data", data, "--models", "own:net", *options)
    first = deadpan(*line)
    assert first.returncode == 0, first.stderr
    assert set(json.loads((tmp_path / "run" / FINGERPRINTS).read_text())) == {"own:net"}
    rescore = ("evaluation.rescore", tmp_path / "run")
    unchanged = deadpan(*rescore)
    assert unchanged.returncode == 0 and "unchanged" in unchanged.stdout, unchanged.stderr
    np.save(tmp_path / "bias.npy", np.array([9, 0, 0, -9, 0, 0, 0], np.float32))
    for refused in (deadpan(*line, "--resume"), deadpan(*rescore)):
        assert refused.returncode == 2, refused.stdout
        assert OTHERWISE.format("own:net") in refused.stderr
    (tmp_path / "own.py").unlink()  # gone since: the figures can still be rebuilt
    without = deadpan(*rescore)
    assert without.returncode == 0, without.stderr
    assert "not compared with the model that was measured: own:net" in without.stderr
