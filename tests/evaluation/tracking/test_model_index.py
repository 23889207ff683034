"""The block for a model card, read back by the client of Hugging Face."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datasets.base.errors import InputError
from evaluation.cards import main
from evaluation.results.files import write_table
from evaluation.results.run import FinishedRun
from evaluation.results.schema import CHECK_COLUMNS, RESULT_COLUMNS
from evaluation.tracking import model_index
from evaluation.tracking.model_index import NOISE, index_of_card, index_of_run
from evaluation.tracking.record import model_records
from fer_models.zoo import card_of
from tests.evaluation import tiny
from tests.evaluation.comparing.edits import data

huggingface_hub = pytest.importorskip("huggingface_hub")

Make = Callable[..., FinishedRun]


def read(text: str) -> list:
    """Results of the block at the top of a model card."""
    card = huggingface_hub.ModelCard(f"{text}\n# A model\n")
    assert card.data.model_name
    return card.data.eval_results


def test_figures_of_a_run_come_back_with_their_intervals(first: Path) -> None:
    run = FinishedRun(first)
    results = read(index_of_run(run, "tiny.fer"))
    assert {one.task_type for one in results} == {"image-classification"}
    assert {(one.dataset_name, one.dataset_split) for one in results} == {("toy", "PublicTest")}
    assert {one.dataset_config for one in results} == {"fer labels", "ferplus labels"}
    fer = {one.metric_name: one for one in results if one.dataset_config == "fer labels"}
    (worst,) = tiny.figures(
        run.results,
        "robust_accuracy",
        model="tiny.fer",
        label_set="fer",
        perturbation="worst_case",
        eps=0.1,
    ).itertuples()
    found = fer["Robust accuracy, worst case linf 0.1"]
    assert (found.metric_type, found.metric_value) == ("robust_accuracy", round(worst.value, 6))
    assert found.metric_args == {
        "ci_low": round(worst.ci_low, 6),
        "ci_high": round(worst.ci_high, 6),
        "n": worst.n,
        "attacks": "noise, fgsm, pgd steps=5",
    } | ({} if worst.status == "ok" else {"status": worst.status})
    assert fer["Accuracy, clean"].metric_value == 0.8
    assert next(iter(fer)) == "Accuracy, clean"
    # never to be taken for robustness against an attack
    assert fer["Accuracy under random noise linf 0.1"].metric_type == NOISE
    robust = [one for one in results if one.metric_type == "robust_accuracy"]
    assert len(robust) == 2 * 2 and all("worst case" in one.metric_name for one in robust)


def test_a_figure_without_an_interval_has_none_there(first: Path) -> None:
    run = FinishedRun(first)
    run.results.loc[run.results.metric == "brier", ["ci_low", "ci_high"]] = np.nan
    found = [one for one in read(index_of_run(run, "tiny.fer")) if one.metric_type == "brier"]
    assert found and all(list(one.metric_args) == ["n"] for one in found)


def test_an_mce_names_the_model_that_it_is_relative_to(first: Path) -> None:
    """Readers would take it for one relative to AlexNet."""
    run = FinishedRun(first)
    clean = run.results[run.results.model == "tiny.fer"].head(1)
    mce = {"perturbation": "corruptions", "metric": "mce", "detail": "simple_cnn.fer", "n": 9}
    given = clean.assign(**mce, subset="all", attacked_labels="", value=0.7)
    vars(run)["results"] = pd.concat([run.results, given])
    (found,) = (one for one in read(index_of_run(run, "tiny.fer")) if one.metric_type == "mce")
    assert found.metric_args["baseline"] == "simple_cnn.fer"
    one, other = model_records(run)
    assert one.remarks["mce_baseline"] == "simple_cnn.fer" and "mce_baseline" not in other.remarks


def test_only_attacks_that_ran_on_the_model_are_named(first: Path, make: Make) -> None:
    """Not those of the tier that are for black boxes."""

    def plan(manifest: dict[str, Any]) -> None:
        manifest["config"]["attacks"].append({"name": "square", "black_boxes_only": True})

    found = read(index_of_run(make("planned", manifest=plan), "tiny.fer"))
    attacks = {one.metric_args["attacks"] for one in found if "attacks" in one.metric_args}
    assert attacks == {"noise, fgsm, pgd steps=5"}


def test_flags_and_names_of_labels_come_too_and_void_figures_do_not(
    first: Path, make: Make
) -> None:
    run = make("flagged", manifest=data(label_names={"fer": "RAF-DB"}, generated=True))
    results = run.results.copy()
    results.loc[results.perturbation == "worst_case", "status"] = "flagged"
    results.loc[results.metric == "median_smallest_eps", "value"] = np.inf
    write_table(results, RESULT_COLUMNS, run.folder / "results.parquet")
    failed = run.checks.head(1).assign(
        model="tiny.fer", attacked_labels="ferplus", rule="R4", status="flagged"
    )
    write_table(pd.concat([run.checks, failed]), CHECK_COLUMNS, run.folder / "checks.parquet")
    found = read(index_of_run(FinishedRun(run.folder), "tiny.fer"))
    assert {one.dataset_config for one in found} == {"RAF-DB labels"}
    assert {one.dataset_name for one in found} == {"toy, faces of no real person"}
    worst = [one for one in found if one.metric_type == "robust_accuracy"]
    assert {one.metric_args["status"] for one in worst} == {"flagged"}
    assert "median_smallest_eps" not in {one.metric_type for one in found}
    every = run.checks.head(1).assign(
        model="tiny.fer", attacked_labels="", rule="R25", status="flagged"
    )
    write_table(pd.concat([run.checks, every]), CHECK_COLUMNS, run.folder / "checks.parquet")
    with pytest.raises(InputError, match=r"no figure that can be published \(.*R25 failed"):
        index_of_run(FinishedRun(run.folder), "tiny.fer")


def test_a_shipped_classifier_has_the_figures_of_its_card() -> None:
    card, _ = card_of("tiny.fer")
    assert card.measured is not None
    every, _, clean, _ = read(index_of_card(card))
    assert every.metric_value == round(card.measured.all.accuracy, 6)
    assert every.metric_args["n"] == 3589
    assert every.metric_args["selected_on"] == card.selected_on
    assert (every.dataset_name, every.dataset_split) == ("FER2013", "PublicTest")
    assert clean.dataset_config == "fer labels, without faces that are also in Training"
    unmeasured = card.model_copy(update={"measured": None})
    with pytest.raises(InputError, match="has no figures in its card"):
        index_of_card(unmeasured)


def test_figures_of_a_run_say_what_their_model_was_selected_on(first: Path) -> None:
    run = FinishedRun(first)
    run.manifest["models"]["tiny.fer"]["card"] = {"selected_on": "epoch chosen on PublicTest"}
    for one in read(index_of_run(run, "tiny.fer")):
        assert one.metric_args["selected_on"] == "epoch chosen on PublicTest"
    plain, *_ = read(index_of_run(run, "tiny.ferplus"))
    assert "selected_on" not in plain.metric_args


def test_the_command(first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(format="model-index", run_folder=first, models="tiny.ferplus") == 0
    assert read(capsys.readouterr().out)
    out = tmp_path / "card.md"
    assert main(format="model-index", models="tiny.fer", out=out) == 0
    assert read(out.read_text()) and capsys.readouterr().out == f"model-index: {out}\n"
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"format": "yaml"}, "--format must be table, model-index"),
        ({"run_folder": first}, "--run needs --format model-index"),
        ({"format": "model-index", "everything": True}, "takes --models, --run and --out only"),
        ({"format": "model-index", "run_folder": first}, "of one model; got 2"),
        ({"format": "model-index", "run_folder": first, "models": "x"}, "must be one of tiny.fer,"),
        ({"format": "model-index", "models": "x"}, "takes --run FOLDER or one shipped"),
    ]
    for options, words in wrong:
        with pytest.raises(InputError, match=re.escape(words)):
            main(**options)


def test_without_the_client_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_index, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r'pip install -e "\.\[fetch\]"'):
        main(format="model-index", models="tiny.fer")
