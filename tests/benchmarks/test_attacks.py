"""The benchmark's table: what its columns say, with and without the judges installed."""

import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from attacks.registry import ATTACKS
from benchmarks import attacks, judges
from benchmarks.digits import digits28
from datasets.base.errors import InputError
from datasets.faceset import Split
from datasets.read import load
from tests.attacks import tiny

EPS = {"deepfool": 0.12}


def measure(name: str, judge: str = "art", budget: int = 8, repeats: int = 1) -> dict:
    classifier, images = tiny.conv(3), tiny.images(20)
    labels = classifier.predict(images)
    labels[:5] = (labels[:5] + 1) % 3  # wrong on clean
    eps = EPS.get(name, 0.02)
    return attacks._measure(classifier, images, labels, name, judge, eps, budget, repeats=repeats)


def judge_by(attack: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(judges.JUDGES, ("pgd", "art"), lambda *_: attack)


def test_shares_are_of_all_images(monkeypatch):
    judge_by(lambda images, labels: images, monkeypatch)
    row = measure("pgd")
    assert list(row) == [
        "model", "attack", "norm", "eps", "images", "ours_seconds", "theirs_seconds", "ratio",
        "ours_robust", "theirs_robust", "judge", "precision", "ours_forward", "ours_backward",
        "theirs_forward", "theirs_backward", "ours_processor", "theirs_processor", "ours_only",
        "theirs_only",
    ]  # fmt: skip
    assert row["theirs_robust"] == 0.75  # 15 of 20 are right, and nothing is changed
    assert row["ours_robust"] < 0.75
    assert row["images"] == 20
    assert row["ratio"] == row["theirs_seconds"] / row["ours_seconds"]
    assert 0 <= row["theirs_processor"] < row["ours_processor"]  # theirs returns at once
    assert 1 <= row["ours_backward"] <= row["ours_forward"] <= 20  # 8 steps, some confirmed
    assert np.isnan(row["theirs_forward"])  # other libraries do not count
    assert row["ours_only"] == round(20 * (0.75 - row["ours_robust"]))
    assert row["theirs_only"] == 0


def test_the_ensemble_is_measured_against_its_full_version():
    row = measure("ensemble", "ensemble_full")
    assert row["ours_robust"] <= row["theirs_robust"] + 0.05  # 20 images: 1
    assert row["ours_forward"] + row["ours_backward"] > 0
    assert 0 < row["theirs_backward"] < row["theirs_forward"]


def test_repeated_measurements_yield_medians(monkeypatch):
    asked = []
    judge_by(lambda images, labels: asked.append(len(images)) or images, monkeypatch)
    clock = iter(np.cumsum([0, 1, 0, 10, 0, 4, 0, 12, 0, 2, 0, 40]))
    times = SimpleNamespace(perf_counter=lambda: next(clock), process_time=lambda: 0)
    monkeypatch.setattr(attacks, "time", times)
    row = measure("pgd", repeats=3)
    assert (row["ours_seconds"], row["theirs_seconds"], row["ratio"]) == (2, 12, 10)
    assert asked == [15] * 4  # once untimed
    assert row["ours_backward"] <= 8  # steps of one time


def test_digits_have_a_net_of_their_own():
    classifier, images, labels = digits28(20)
    assert images.shape == (20, 28, 28, 1) and classifier.scheme.num_classes == 10
    assert images.dtype == np.float32 and ((images >= 0) & (images <= 1)).all()
    assert (classifier.predict(images) == labels).mean() > 0.8


def test_the_net_of_digits_can_stand_behind_defences():
    classifier, images, _ = attacks._faces("digits28+bits3+jpeg75", Path(), Split.PUBLIC_TEST, 5)
    assert classifier.id == "digits28+bits3+jpeg75"
    assert classifier.logits(images).shape == (5, 10)


def test_faces_are_of_the_split_that_is_asked_for(monkeypatch):
    asked, sample = [], load("sample", None)
    monkeypatch.setattr("datasets.read.load", lambda *given: asked.append(given) or sample)
    _, images, _ = attacks._faces("tiny.fer", Path("x"), Split.TRAINING, 5)
    assert asked == [(Path("x"), Split.TRAINING)] and images.shape == (5, 48, 48, 1)


def test_what_they_return_is_cut_to_eps(monkeypatch):
    far = np.random.default_rng(0)
    judge_by(lambda images, _: np.clip(images + far.normal(0, 9, images.shape), -1, 2), monkeypatch)
    assert measure("pgd")["theirs_robust"] > 0.3  # noise of 9 would break nearly all


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "judge"), [pair for pair in judges.JUDGES if pair[1] not in judges.ON_PYTORCH]
)
def test_judges_run_the_same_attack(name, judge):
    if judge != "ensemble_full":
        pytest.importorskip(judge)
    row = measure(name, judge, budget=60 if name == "square" else 8)
    assert row["theirs_robust"] < 0.75
    assert row["ours_robust"] <= row["theirs_robust"] + 0.1  # 20 images: 2


@pytest.mark.parametrize("name", ["pgd", "apgd"])
def test_a_pytorch_net_is_measured_against_a_bare_loop(name):
    classifier, images = attacks._ported(tiny.conv(3)), tiny.images(20)
    labels = classifier.predict(images)
    row = attacks._measure(classifier, images, labels, name, "bare loop", 0.02, 8)
    assert row["theirs_robust"] < 1 and row["precision"] == "float32"
    assert abs(row["ours_robust"] - row["theirs_robust"]) <= 0.1  # 20 images: 2


@pytest.mark.parametrize("classes", [5, 11])
def test_autoattack_runs_its_standard_version_with_as_many_targets_as_there_are(
    classes, monkeypatch
):
    """A judge of the package's form stands for it: how it is set up, and what its passes count."""
    made = {}

    class Judge:
        def __init__(self, model, **settings):
            self.model, self.settings = model, settings
            for part in ("apgd", "apgd_targeted", "fab", "square"):
                setattr(self, part, SimpleNamespace())
            made["judge"] = self

        def run_standard_evaluation(self, clean, labels, *, batch_size):
            pixels = clean.clone().requires_grad_()
            (gradient,) = torch.autograd.grad(self.model(pixels).sum(), pixels)
            self.model(clean)
            assert gradient.shape == clean.shape and batch_size == 100
            return torch.full_like(clean, 0.5), labels

    monkeypatch.setitem(sys.modules, "pyautoattack", SimpleNamespace(AutoAttack=Judge))
    classifier, images = attacks._ported(tiny.conv(classes)), tiny.images(6)
    attacker = judges.auto_attack(classifier, images.shape[1:], "ensemble", 0.1, 7, 100)
    found = attacker(images, classifier.predict(images))
    assert found.shape == images.shape and (found == 0.5).all()
    assert (attacker.forward, attacker.backward) == (12, 6)
    judge = made["judge"]
    assert judge.settings == {"norm": "Linf", "eps": 0.1, "seed": 0, "version": "standard"}
    assert judge.apgd_targeted.n_target_classes == judge.fab.n_target_classes == min(9, classes - 1)
    assert judge.apgd.n_iter == judge.fab.n_iter == judge.square.n_queries == 7


def test_the_ensemble_is_measured_against_autoattack():
    pytest.importorskip("pyautoattack")
    classifier, images = attacks._ported(tiny.conv(5)), tiny.images(20)
    labels = classifier.predict(images)
    row = attacks._measure(classifier, images, labels, "ensemble", "autoattack", 0.01, 10)
    assert 0 < row["theirs_robust"] < 1
    assert row["ours_robust"] <= row["theirs_robust"] + 0.05  # 20 images: 1
    assert 0 < row["theirs_backward"] < row["theirs_forward"]


def test_autoattack_needs_its_package_and_four_classes(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyautoattack", None)
    settings = ((8, 8, 1), "ensemble", 0.1, None, 100)
    with pytest.raises(InputError, match=r"not installed .*: pip install -e \.\[bench\]"):
        judges.auto_attack(attacks._ported(tiny.conv(3)), *settings)
    monkeypatch.setitem(sys.modules, "pyautoattack", SimpleNamespace(AutoAttack=None))
    with pytest.raises(InputError, match="AutoAttack needs 4 classes; conv in PyTorch has 3"):
        judges.auto_attack(attacks._ported(tiny.conv(3)), *settings)


@pytest.mark.parametrize("name", ["pgd", "apgd", "square", "deepfool"])
def test_torchattacks_runs_with_our_budget(name, monkeypatch):
    """A judge of the package's form stands for it, which is in an environment of its own."""
    made = {}

    class Judge:
        def __init__(self, model, **settings):
            self.model, made["settings"] = model, settings

        def __call__(self, clean, labels):
            made["logits"] = self.model(clean)
            return torch.flip(clean, [3])

    package = dict.fromkeys(("PGD", "APGD", "Square", "DeepFool"), Judge)
    monkeypatch.setitem(sys.modules, "torchattacks", SimpleNamespace(**package))
    classifier, images = attacks._ported(tiny.conv(5)), tiny.images(6)
    attacker = judges.JUDGES[name, "torchattacks"](classifier, (8, 8, 1), name, 0.1, 7, 100)
    found = attacker(images, classifier.predict(images))
    np.testing.assert_array_equal(found, images[:, :, ::-1])
    np.testing.assert_allclose(made["logits"], classifier.logits(images), atol=1e-5)
    settings = made["settings"]
    assert settings["n_queries" if name == "square" else "steps"] == 7
    assert settings.get("eps") == (None if name == "deepfool" else 0.1)
    monkeypatch.setitem(sys.modules, "torchattacks", None)
    with pytest.raises(InputError, match=r"not installed .*: pip install -e \.\[torch\] && pip"):
        judges.JUDGES[name, "torchattacks"](classifier, (8, 8, 1), name, 0.1, 7, 100)


def test_torchattacks_is_no_stronger():
    pytest.importorskip("torchattacks")
    classifier, images = attacks._ported(tiny.conv(5)), tiny.images(20)
    labels = classifier.predict(images)
    row = attacks._measure(classifier, images, labels, "pgd", "torchattacks", 0.01, 8)
    assert row["ours_robust"] <= row["theirs_robust"] + 0.1  # 20 images: 2
    assert 0 < row["theirs_robust"] < 0.75


def test_a_judge_without_the_attack_is_refused(tmp_path):
    with pytest.raises(InputError, match="--judge art has none of fmn without --pytorch"):
        attacks.main(
            data=tmp_path, out=tmp_path / "x.csv", attacks="fmn", judge="art", models="tiny.fer"
        )


def test_every_attack_has_a_judge():
    assert {name for name, _ in judges.JUDGES} == set(attacks.NAMES) <= set(ATTACKS)


def test_unknown_attacks_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"--attacks must be among pgd, .*; got 'x'"):
        attacks.main(data=tmp_path, out=tmp_path / "x.csv", attacks="pgd,x")


def test_rows_are_added_to_the_file(tmp_path):
    for model in ("a", "b"):
        attacks._append({"model": model, "ratio": 2.5}, tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text() == "model,ratio\na,2.5\nb,2.5\n"


@pytest.mark.parametrize("models", ["mini_xception.fer", "starter"])
def test_no_other_file_is_touched(tmp_path, models):
    notes = tmp_path / "notes.csv"
    notes.write_text("my own notes\n")
    with pytest.raises(InputError, match="--out must be new, or a table of this benchmark; got"):
        attacks.main(data=tmp_path / "none", out=notes, models=models)
    assert notes.read_text() == "my own notes\n"


def test_rows_before_stay_where_several_models_are_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(attacks.subprocess, "run", lambda words: CompletedProcess(words, 0))
    table = tmp_path / "x.csv"
    table.write_text("model,attack\na,pgd\n")
    attacks.main(data=tmp_path, out=table)
    assert table.read_text() == "model,attack\na,pgd\n"


def test_a_model_that_kills_its_process_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["attacks", "--nonsense"])
    with pytest.raises(InputError, match=r"one\.fer: its measurement failed"):
        attacks._each_alone(["one.fer"], tmp_path / "x.csv")
