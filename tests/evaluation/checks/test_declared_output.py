"""R25 on nets that give probabilities, their logarithms or logits, all declared as logits."""

from pathlib import Path

import keras
import numpy as np
import pytest

from datasets.labels import FER7, LabelScheme
from evaluation.checks import declared_output
from evaluation.checks.declared_output import declared_output_checks
from evaluation.results.files import read_table
from evaluation.results.schema import CHECK_COLUMNS
from evaluation.stages.pipeline import evaluate_run
from fer_models.contract import Contract
from fer_models.keras_classifier import wrap
from tests.evaluation import tiny

FACES = np.random.default_rng(0).random((20, 8, 8, 1), np.float32)


def softmax_behind_a_reshape(logits: keras.KerasTensor) -> keras.KerasTensor:
    return keras.layers.Reshape((7,))(keras.layers.Softmax()(logits))


def of_8_bits(logits: keras.KerasTensor) -> keras.KerasTensor:
    """As a quantised net gives them: multiples of 1 / 256."""
    return keras.ops.round(keras.ops.softmax(logits) * 256) / 256


def in_whole_percents(logits: keras.KerasTensor) -> keras.KerasTensor:
    """As services and logs write them: they sum to 94 to 100."""
    return keras.ops.floor(100 * keras.ops.softmax(logits / 5))


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (softmax_behind_a_reshape, "flagged"),
        (of_8_bits, "flagged"),
        (lambda logits: 100 * keras.ops.softmax(logits), "flagged"),
        (in_whole_percents, "flagged"),
        (keras.ops.sigmoid, "flagged"),
        (lambda logits: keras.ops.softmax(logits)[:, :6], "flagged"),  # some columns of more
        (lambda logits: 100 * keras.ops.softmax(logits)[:, :6], "flagged"),
        (lambda logits: 0 * logits, "ok"),
        (keras.ops.log_softmax, "ok"),
        (keras.ops.relu, "ok"),
        (lambda logits: logits, "ok"),
        # sums to 1, but not at least 0
        (lambda logits: logits - keras.ops.mean(logits, axis=1, keepdims=True) + 1 / 7, "ok"),
    ],
)
def test_probabilities_that_are_called_logits_are_flagged(end, status):
    image = keras.Input((8, 8, 1))
    logits = keras.ops.matmul(keras.layers.Flatten()(image), np.eye(64, 7, dtype=np.float32) * 5)
    net = keras.Model(image, end(logits))
    scheme = LabelScheme("some", FER7.classes[: net.output_shape[1]])
    model = wrap(net, Contract(8, 8, 1, scheme), model_id="net")
    (check,) = declared_output_checks(model, model.logits(FACES))
    assert (check["rule"], check["check"], check["status"]) == ("R25", "kind of output", status)
    assert ('"output": "probabilities"' in check["message"]) == (status == "flagged")
    assert check["model"] == "net"


def test_of_a_model_that_returns_a_label_the_outputs_are_known() -> None:
    model, labels = tiny.classifier(), np.eye(7, dtype=np.float32)
    assert declared_output_checks(model, labels)[0]["status"] == "flagged"
    model.labels_only = True
    assert declared_output_checks(model, labels) == []


def test_classes_masked_by_the_least_number_of_float32_leave_a_finite_sum() -> None:
    logits = np.random.default_rng(0).random((20, 7), np.float32)
    logits[:, 4:] = np.finfo(np.float32).min
    with np.errstate(over="raise"):
        (check,) = declared_output_checks(tiny.classifier(), logits)
    assert check["status"] == "ok" and np.isfinite(check["value"])


def test_nobody_can_ask_a_service_for_the_values_before_its_sigmoid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its figures are of the labels that it gives; only its calibration is not known."""
    monkeypatch.setattr(declared_output, "service_of", lambda model: model)
    scores = np.random.default_rng(0).random((20, 7), np.float32)
    (check,) = declared_output_checks(tiny.classifier(), scores)
    assert check["status"] == "ok" and "as outputs of a sigmoid" in check["message"]


def test_a_run_flags_every_figure_of_such_a_model_and_of_no_other(tmp_path: Path) -> None:
    sound = tiny.classifier()
    soft = softmax_behind_a_reshape(sound.model.output)
    wrong = wrap(keras.Model(sound.model.input, soft), sound.contract, model_id="soft")
    run = tiny.config(models=("tiny.fer", "soft"), corruptions=(), attacks=tiny.SEARCH)
    evaluate_run(run, tiny.faces(), [sound, wrong], tmp_path, None, tiny.SILENT)
    checks = read_table(tmp_path / "checks.parquet", CHECK_COLUMNS)
    status = checks[checks.check == "kind of output"].set_index("model").status
    assert status.to_dict() == {"tiny.fer": "ok", "soft": "flagged"}
    results = tiny.results_of(tmp_path)
    losses = results[(results.metric == "nll") & (results.n > 0)]
    assert set(losses[losses.model == "soft"].status) == {"flagged"}
    assert "ok" in set(losses[losses.model == "tiny.fer"].status)
    own = results[(results.model == "soft") & (results.n > 0)]
    assert set(own.status) == {"flagged"}
