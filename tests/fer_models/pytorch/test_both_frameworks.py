"""PyTorch and TensorFlow in one process, and PyTorch left out where no model needs it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

ATTACK = """
import sys
import numpy as np
from attacks.base import Keys
from attacks.registry import make_attack
from attacks.threat_model import Norm
from datasets.labels import FER7
from fer_models.contract import Contract
contract = Contract(16, 16, 1, FER7)
images = np.random.default_rng(0).random((128, 16, 16, 1), np.float32)

def attacked(classifier):
    labels = classifier.predict(images)
    attack = make_attack("pgd", Norm.LINF, 0.1, {"steps": 5})
    return attack(classifier, images, labels, Keys(0, np.arange(128))).success.mean()

def by_keras():
    import keras
    from fer_models.keras_classifier import wrap
    layers = keras.layers.Conv2D(8, 3), keras.layers.Flatten(), keras.layers.Dense(7)
    return wrap(keras.Sequential([keras.Input((16, 16, 1)), *layers]), contract)

def by_torch():
    import torch
    from fer_models.pytorch.classifier import wrap_torch
    layers = torch.nn.Conv2d(1, 8, 3), torch.nn.Flatten(), torch.nn.Linear(8 * 14 * 14, 7)
    return wrap_torch(torch.nn.Sequential(*layers), contract)
"""


def run(script: str) -> None:
    """Run after the definitions; a deadlock of the two thread pools would time out."""
    subprocess.run([sys.executable, "-c", ATTACK + script], cwd=ROOT, check=True, timeout=300)


@pytest.mark.slow
@pytest.mark.parametrize("order", ["by_keras, by_torch", "by_torch, by_keras"])
def test_a_keras_and_a_pytorch_net_are_attacked_in_turn(order: str) -> None:
    run(f"""
nets = [make() for make in ({order})]
for _ in range(3):
    for net in nets:
        assert attacked(net) > 0.5
""")


def test_a_pytorch_net_is_attacked_without_tensorflow_and_a_keras_net_without_pytorch() -> None:
    run("""
import evaluation.stages.pipeline, fer_models.foreign.formats, fer_models.foreign.contract_probe
assert attacked(by_torch()) > 0.5
assert not {"tensorflow", "keras"} & set(sys.modules)
""")
    run("""
assert attacked(by_keras()) > 0.5
import evaluation.stages.pipeline, fer_models.zoo
fer_models.zoo.load("simple_cnn.fer")
assert "torch" not in sys.modules
""")


COMMAND = f"""
import json, runpy, sys
sys.path.insert(0, {str(ROOT)!r})

def command(module, *words):
    sys.argv = [module, *words]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        assert end.code in (0, None), end.code

def run_of(model, out, *words):
    few = "--data", "sample", "--limit", "12", "--labels", "fer", "--out", out
    command("evaluation.run", "--models", model, *few, *words)
"""
CONTRACT = """
names = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
fields = {"classes": names, "height": 48, "width": 48, "channels": 1, "low": 0, "high": 1}
open(model + ".contract.json", "w").write(json.dumps(fields))
"""


@pytest.mark.slow
@pytest.mark.parametrize("tier", ["smoke", "standard"])
def test_a_whole_run_of_a_pytorch_net_imports_no_tensorflow(tier: str, tmp_path: Path) -> None:
    """The shipped surrogates are of Keras, and needed by black boxes alone."""
    code = f"""
import torch
torch.manual_seed(0)
layers = torch.nn.AvgPool2d(6), torch.nn.Flatten(), torch.nn.Linear(64, 7)
net, batch = torch.nn.Sequential(*layers).eval(), ({{0: torch.export.Dim("batch")}},)
faces = (torch.zeros(2, 1, 48, 48),)
model = "net.pt2"
torch.export.save(torch.export.export(net, faces, dynamic_shapes=batch), model)
{CONTRACT}
run_of(model, "run", "--tier", "{tier}")
assert not {{"tensorflow", "keras"}} & set(sys.modules)
command("evaluation.rescore", "run")
command("evaluation.compare", "run", "run")
assert not {{"tensorflow", "keras"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", COMMAND + code], cwd=tmp_path, check=True, timeout=600)
    assert (tmp_path / "run" / "index.html").exists()


@pytest.mark.slow
def test_a_whole_run_of_a_keras_net_imports_no_pytorch(tmp_path: Path) -> None:
    code = f"""
import keras
layers = keras.layers.AveragePooling2D(6), keras.layers.Flatten(), keras.layers.Dense(7)
model = "net.keras"
keras.Sequential([keras.Input((48, 48, 1)), *layers]).save(model)
{CONTRACT}
run_of(model, "run", "--tier", "smoke")
run_of("simple_cnn.fer", "shipped", "--tier", "smoke")
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", COMMAND + code], cwd=tmp_path, check=True, timeout=600)


def test_commands_that_need_no_model_import_no_framework(tmp_path: Path) -> None:
    code = """
command("fer_models.list")
command("datasets.inspect", "sample", "--out", "inspect")
import evaluation.comparing.boards, evaluation.figures.score_run, reports.page
assert not {"tensorflow", "keras", "torch"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", COMMAND + code], cwd=tmp_path, check=True, timeout=300)
