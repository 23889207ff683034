"""What a tracker is told of a run: the figures of results.csv under names that MLflow takes."""

import math
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from datasets.base.errors import InputError
from evaluation.results.files import write_table
from evaluation.results.run import FinishedRun
from evaluation.results.schema import CHECK_COLUMNS, RESULT_COLUMNS
from evaluation.tracking import target
from evaluation.tracking.record import model_records, report_files, run_parameters
from tests.evaluation import tiny
from tests.evaluation.comparing.edits import data

Make = Callable[..., FinishedRun]


def test_parameters_say_what_was_measured(first: Path) -> None:
    found = run_parameters(FinishedRun(first))
    assert found["eps"] == "0.02, 0.1" and found["attacks"] == "noise, fgsm, pgd steps=5"
    assert (found["data"], found["faces"], found["generated_faces"]) == ("toy", "40", "False")
    assert (found["tier"], found["norm"], found["seed"]) == ("smoke", "linf", "0")
    assert all(isinstance(value, str) for value in found.values())


def test_every_model_has_its_figures_with_their_intervals(first: Path) -> None:
    run = FinishedRun(first)
    records = {record.model: record for record in model_records(run)}
    assert list(records) == run.models
    for model, record in records.items():
        (clean,) = tiny.figures(
            run.results, "accuracy", model=model, label_set="ferplus", perturbation="none"
        ).itertuples()
        found = record.metrics
        assert found["ferplus/accuracy"] == clean.value
        assert found["ferplus/accuracy_low"] == clean.ci_low
        assert found["ferplus/accuracy_high"] == clean.ci_high
        assert found["ferplus/accuracy_n"] == clean.n
        (worst,) = tiny.figures(
            run.results,
            "robust_accuracy",
            model=model,
            label_set="fer",
            perturbation="worst_case",
            eps=0.1,
        ).itertuples()
        assert found["fer/robust_accuracy_linf_0.1"] == worst.value
        noise = {name for name in found if name.startswith("fer/noise_")}
        assert "fer/noise_robust_accuracy_linf_0.1" in noise
        assert "fer/security_curve_area_linf_0.1" in found
        # https://mlflow.org/docs/latest: letters, digits, _ - . space and slash
        assert all(re.fullmatch(r"[\w. -]+/[\w. -]+", name, re.ASCII) for name in found)
        assert all(map(math.isfinite, found.values()))
    assert records["tiny.fer"].parameters["weights_sha256"] == tiny.classifier().weights_sha256


def test_void_figures_are_left_out_and_flagged_ones_named(first: Path, make: Make) -> None:
    spoilt = make("spoilt", manifest=data(label_names={"fer": "My/set: 2"}))
    failed = spoilt.checks.head(1).assign(
        model="tiny.fer", attacked_labels="ferplus", rule="R4", status="flagged"
    )
    write_table(pd.concat([spoilt.checks, failed]), CHECK_COLUMNS, spoilt.folder / "checks.parquet")
    results = spoilt.results.copy()
    results.loc[(results.model == "tiny.fer") & (results.label_set == "fer"), "status"] = "flagged"
    write_table(results, RESULT_COLUMNS, spoilt.folder / "results.parquet")
    one, other = model_records(FinishedRun(spoilt.folder))
    assert {name.partition("/")[0] for name in one.metrics} == {"My-set_ 2"}
    assert one.remarks["void"] == "ferplus: R4"
    assert "My-set_ 2/accuracy" in one.remarks["flagged"].split(", ")
    assert "void" not in other.remarks and "ferplus/accuracy" in other.metrics


def test_report_and_tables_are_sent_and_no_images(first: Path) -> None:
    names = [path.name for path in report_files(FinishedRun(first))]
    assert {"manifest.json", "results.csv", "results.parquet", "per_image"} <= set(names)
    assert not [name for name in names if name.endswith(".npz")]


@pytest.mark.parametrize(("text", "uri"), [("mlflow", ""), ("mlflow:http://h:5", "http://h:5")])
def test_a_target_is_read_without_importing_mlflow(
    text: str, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target, "find_spec", lambda name: name)
    assert target.parse_target(text).uri == uri
    assert str(target.parse_target(text)) == text


def test_no_password_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "find_spec", lambda name: name)
    found = target.parse_target("mlflow:https://me:secret@host:5000/x")
    assert found.uri == "https://me:secret@host:5000/x"
    assert str(found) == "mlflow:https://***@host:5000/x"
    assert target.without_password("http://me:p@ss@host") == "http://***@host"
    assert target.without_password("a@b //c/d@e http://host") == "a@b //c/d@e http://host"
    with pytest.raises(InputError) as refused:
        target.parse_target("wandb:https://me:secret@host")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("text", ["wandb", "mlflow:", "mlflow: ", "MLflow", "mlflowx:a"])
def test_another_target_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "find_spec", lambda name: name)
    with pytest.raises(InputError, match="--track must be mlflow or mlflow:URI; got"):
        target.parse_target(text)


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install -e "\.\[mlflow\]"'):
        target.parse_target("mlflow")
