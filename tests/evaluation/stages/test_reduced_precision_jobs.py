"""Attacks in bfloat16 within a run: chosen once per model, recorded, reused from disk."""

import pytest

from attacks import precision_trial
from attacks.precision import Precision
from datasets.labels import LabelSet
from evaluation.stages.pipeline import evaluate_run
from fer_models import reduced_precision
from fer_models.classifier import ModelError
from tests.evaluation import tiny

SHORT = {"labels": (LabelSet.FER,), "corruptions": ()}


@pytest.fixture(autouse=True)
def always_worth_it(monkeypatch):
    monkeypatch.setattr(precision_trial, "WORTH", 0)
    monkeypatch.setattr(reduced_precision, "has_bfloat16", lambda: True)


def records(out, given=None, **changes):
    out.mkdir(exist_ok=True)
    run = tiny.config(**SHORT, **changes)
    return evaluate_run(run, tiny.faces(), [tiny.classifier()], out, given, tiny.SILENT)


def precisions(found):
    return {record["perturbation"]: record["precision"] for record in found}


def test_quick_attacks_are_in_bfloat16_and_recorded(tmp_path):
    found = records(tmp_path)
    assert precisions(found) == {"noise": "float32", "fgsm": "bfloat16", "pgd": "bfloat16"}
    again = records(tmp_path)
    assert [record["key"] for record in again] == [record["key"] for record in found]
    assert all(record["reused_chunks"] == record["chunks"] for record in again)


def test_float32_can_be_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr("evaluation.stages.jobs.try_reduced_precision", None)
    found = records(tmp_path, precision=Precision.FLOAT32)
    assert set(precisions(found).values()) == {"float32"}


def test_a_model_that_dies_of_the_trial_is_attacked_in_float32(tmp_path, monkeypatch):
    def die(*_):
        raise ModelError("it dies")

    monkeypatch.setattr(precision_trial, "_robust_accuracy", die)
    assert set(precisions(records(tmp_path)).values()) == {"float32"}


def test_sets_made_in_either_are_taken_back_by_any_run(tmp_path):
    made = {p: records(tmp_path / p, precision=p) for p in Precision}
    for mine, theirs in (list(Precision), list(Precision)[::-1]):
        found = records(tmp_path / f"{mine}-taken", tmp_path / theirs, precision=mine)
        assert all(record["reused_chunks"] == record["chunks"] for record in found)
        assert precisions(found) == precisions(made[theirs])
        assert [record["key"] for record in found] == [record["key"] for record in made[theirs]]
