"""A model that changed without its files changing: resume, reuse of sets and rescore refuse it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.labels import FER7, LabelSet
from evaluation.stages.fingerprints import check_or_keep, fingerprints_of
from evaluation.stages.pipeline import evaluate_run
from evaluation.stages.run_folder import FINGERPRINTS
from fer_models.classifier import Classifier
from fer_models.foreign.contract_file import ContractFile, write_contract
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


CALLABLE = """
from pathlib import Path
import numpy as np
_bias = np.load(Path(__file__).with_name("bias.npy"))

def net(images):
    rows = images.reshape(len(images), -1)
    return rows[:, :: rows.shape[1] // 7][:, :7].astype(np.float32) * 5 + _bias
"""


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
