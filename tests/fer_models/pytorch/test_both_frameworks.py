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
assert attacked(by_torch()) > 0.5
assert not {"tensorflow", "keras"} & set(sys.modules)
""")
    run("""
assert attacked(by_keras()) > 0.5
import evaluation.stages.pipeline, fer_models.zoo
fer_models.zoo.load("simple_cnn.fer")
assert "torch" not in sys.modules
""")
