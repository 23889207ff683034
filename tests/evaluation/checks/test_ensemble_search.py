"""R7 where an ensemble searches: a net that rounds its input is flagged."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from attacks.threat_model import Norm
from datasets.labels import FER7, LabelSet
from evaluation.checks.suite import AnsweredOnly, suite_checks
from evaluation.config import AttackSettings
from evaluation.results.files import read_table
from evaluation.results.schema import CHECK_COLUMNS
from evaluation.stages.pipeline import evaluate_run
from fer_models.classifier import Classifier
from fer_models.contract import Contract
from fer_models.keras_classifier import wrap
from tests.evaluation import tiny
from tests.evaluation.held_rows import HeldRows, rows

BUDGET = {"steps": 4, "targeted_steps": 6, "minimal_steps": 4, "queries": 200, "screening": 4}
RUN = tiny.config(
    corruptions=(),
    labels=(LabelSet.FER,),
    eps=(0.2,),
    attacks=(
        AttackSettings.model_validate({"name": "apgd", "steps": 4}),
        AttackSettings.model_validate({"name": "ensemble"} | BUDGET),
    ),
)


def rounding() -> Classifier:
    """Its gradients are zero."""
    model = tiny.classifier().model
    steps = keras.layers.Lambda(lambda x: keras.ops.floor(x * 16) / 16)
    outputs = keras.Model(model.inputs, model(steps(model.inputs[0])))
    return wrap(outputs, Contract(8, 8, 1, FER7), model_id="rounding.fer")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    nets = [tiny.classifier(), rounding()]
    evaluate_run(RUN, tiny.faces(), nets, out, None, tiny.SILENT)
    return out


def checks_of(folder: Path, rule: str) -> pd.DataFrame:
    checks = read_table(folder / "checks.parquet", CHECK_COLUMNS)
    return checks[(checks.rule == rule) & (checks.perturbation != "")].set_index("model")


def test_what_only_the_search_breaks_flags_the_gradients(folder: Path) -> None:
    found = checks_of(folder, "R7")
    assert found.status.to_dict() == {"tiny.fer": "ok", "rounding.fer": "flagged"}
    assert set(found.perturbation) == {"apgd"} and set(found.check) == {"apgd beats square"}
    assert found.value["rounding.fer"] > 0.2
    results = tiny.results_of(folder)
    robust = results[(results.metric == "robust_accuracy") & (results.subset == "all")]
    of_net = robust[robust.model == "rounding.fer"].set_index("perturbation")
    assert of_net.status["apgd"] == of_net.status["worst_case"] == "flagged"
    assert of_net.value["ensemble"] < of_net.value["apgd"] - 0.2


def test_the_attack_that_has_gradients_alone_is_probed(folder: Path) -> None:
    for rule in ("R4", "R6", "R14"):
        assert set(checks_of(folder, rule).perturbation) == {"apgd"}


def test_an_ensemble_is_probed_where_no_other_attack_can_be(tmp_path: Path) -> None:
    alone = RUN.model_copy(update={"attacks": RUN.attacks[1:]})
    evaluate_run(alone, tiny.faces(), [tiny.classifier()], tmp_path, None, tiny.SILENT)
    assert set(checks_of(tmp_path, "R6").perturbation) == {"ensemble"}


def test_a_set_made_again_from_disk_tells_the_same(folder: Path) -> None:
    before = checks_of(folder, "R7")
    nets = [tiny.classifier(), rounding()]
    evaluate_run(RUN, tiny.faces(), nets, folder, None, tiny.SILENT)
    pd.testing.assert_frame_equal(checks_of(folder, "R7"), before)


def test_where_an_ensemble_has_no_search_none_is_claimed(tmp_path: Path) -> None:
    under_l1 = RUN.model_copy(update={"norm": Norm.L1, "eps": (4.0,)})
    evaluate_run(under_l1, tiny.faces(), [tiny.classifier()], tmp_path, None, tiny.SILENT)
    assert checks_of(tmp_path, "R7").empty
    assert not checks_of(tmp_path, "R24").empty


def test_an_ensemble_on_all_faces_does_not_dilute_what_square_breaks_on_a_few() -> None:
    """Square may have more queries: 1 of its 100 faces is many, of the ensemble's 1,000 few."""
    nan = [np.nan] * 1000
    broken = {"apgd": nan, "ensemble": nan, "square": [0.1] + [np.nan] * 99}
    config = tiny.config(attacks=tuple(AttackSettings(name=name) for name in broken))
    told: AnsweredOnly = {("tiny.fer", "fer"): []}
    found = suite_checks(HeldRows(rows(broken)), {"tiny.fer": FER7}, config, told)
    (check,) = [entry for entry in found if entry["rule"] == "R7"]
    assert (check["status"], check["value"]) == ("flagged", 0.01)
    assert "1.0 % of 100 faces" in check["message"]


@pytest.mark.parametrize(("searched", "expected"), [([], "ok"), ([1], "flagged")])
def test_the_search_of_an_ensemble_alone_is_compared_with_its_own_gradients(
    searched: list[int], expected: str
) -> None:
    broken = {"ensemble": [0.1, 0.1, np.nan], "noise": [np.nan] * 3}
    config = tiny.config(attacks=tuple(AttackSettings(name=name) for name in broken))
    told: AnsweredOnly = {("tiny.fer", "fer"): searched}
    found = suite_checks(HeldRows(rows(broken)), {"tiny.fer": FER7}, config, told)
    (check,) = [entry for entry in found if entry["rule"] == "R7"]
    assert (check["status"], check["perturbation"]) == (expected, "ensemble")
    if expected == "flagged":
        assert "33.3 % of 3 faces" in check["message"]
        assert "not by the gradients of ensemble" in check["message"]
