"""A run on nets that Python holds, through `evaluate`."""

from pathlib import Path

import keras
import pytest

from datasets.base.errors import InputError
from evaluation import evaluate
from tests.fer_models.conftest import tiny_classifier

TIER = """
limit = 14
severities = []
corruptions = []
[eps]
linf = ["4/255"]
[[attacks]]
name = "fgsm"
"""
CONTRACT = {
    "classes": ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"],
    "height": 48,
    "width": 48,
    "channels": 1,
    "low": -1,
}


def linear() -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = [keras.Input((48, 48, 1)), keras.layers.Flatten(), keras.layers.Dense(7)]
    return keras.Sequential(layers, name="linear")


def test_nets_are_attacked_with_their_gradients(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    tier, net = tmp_path / "tiny.toml", linear()
    tier.write_text(TIER)
    same = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48 * 48, 7))
    kernel, bias = map(torch.tensor, net.get_weights())
    same.load_state_dict({"1.weight": kernel.T, "1.bias": bias})
    run = evaluate(
        [net, same], contract=CONTRACT, data="sample", labels="fer", tier=tier, out=tmp_path / "run"
    )
    assert list(run.manifest["models"]) == ["linear", "Sequential"]
    assert run.manifest["models"]["Sequential"]["given_as"] == "object:Sequential"
    assert not any(entry["black_box"] for entry in run.manifest["models"].values())
    frame = run.to_frame()
    figures = frame[frame.metric.isin(["accuracy", "robust_accuracy"])]
    values = {name: list(rows.value) for name, rows in figures.groupby("model")}
    assert values["linear"] and values["linear"] == values["Sequential"]
    with pytest.raises(InputError, match="contract; hight: no such field"):
        evaluate(net, contract={"hight": 48}, data="sample", out=tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ("two:good+bits4,b.h5", r"that of two:good is read from two\.good\.contract\.json\. Leave"),
        (
            [Path("nets/a.onnx"), "b.h5"],
            r"is read from nets/a\.onnx\.contract\.json\. Leave it out",
        ),
        (
            "simple_cnn.fer",
            r"that of simple_cnn\.fer belongs to it\. Leave it out, or give the net",
        ),
        (
            tiny_classifier(),
            r"objects, and there is none; that of tiny belongs to it\. Leave it out",
        ),
    ],
)
def test_a_contract_that_no_model_takes_is_refused(
    models: object, words: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=words):
        evaluate(models, contract=CONTRACT, data="sample", out=tmp_path)
    with pytest.raises(InputError, match="--models must name at least one classifier"):
        evaluate([], contract=CONTRACT, data="sample", out=tmp_path)
