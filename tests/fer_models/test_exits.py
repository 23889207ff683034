"""Models whose code calls `sys.exit`: an error of the model, not the end of the command."""

import sys
from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch import nn

from datasets.labels import FER7
from fer_models.classifier import Classifier, ModelError
from fer_models.contract import Contract
from fer_models.foreign.keras_net import keras_net, with_steps
from fer_models.keras_classifier import wrap
from fer_models.losses import Loss
from fer_models.pytorch.classifier import TorchClassifier
from tests.fer_models.pytorch.nets import tiny_module, tiny_torch

LABELS = np.arange(12) % 7
LEAVES = r"tiny\w*: its code must not end Python; it calls sys\.exit\(3\)\. Let it raise an err"


class Leaving(nn.Module):
    """Ends Python on any image that is not black, or on the way back from it."""

    def __init__(self, on_the_way_back: bool = False) -> None:
        super().__init__()
        self.net, self.late = tiny_module(), on_the_way_back

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        answers: torch.Tensor = self.net(images)
        if images.any() and self.late and answers.requires_grad:
            answers.register_hook(lambda _: sys.exit(3))
        elif images.any() and not self.late:
            sys.exit(3)
        return answers


@pytest.mark.parametrize(
    "ask",
    [
        lambda net, images: net.logits(images),
        lambda net, images: net.attacked_logits(images),
        lambda net, images: net.pullback(images),
        lambda net, images: net.outputs(images, net.contract),
        lambda net, images: net.outputs_as_given(images),
        lambda net, images: net.layer_gradients(images, LABELS, "net.0"),
    ],
)
def test_a_pytorch_net_that_leaves_is_an_error(ask: Any, images: np.ndarray) -> None:
    with pytest.raises(ModelError, match=LEAVES):
        ask(tiny_torch(Leaving()), images)


def test_a_pytorch_net_that_leaves_on_the_way_back_is_an_error(images: np.ndarray) -> None:
    net: TorchClassifier = tiny_torch(Leaving(on_the_way_back=True))
    assert net.logits(images).shape == (12, 7)
    with pytest.raises(ModelError, match=LEAVES):
        net.input_gradients(images, LABELS, Loss.MARGIN)


def test_a_pytorch_net_that_leaves_when_it_is_tried_is_refused() -> None:
    class Always(nn.Linear):
        def forward(self, _: torch.Tensor) -> torch.Tensor:
            return sys.exit(3)

    with pytest.raises(ModelError, match=r"must take images .* it fails: SystemExit: 3"):
        tiny_torch(Always(1, 1))


class LeavingLayer(keras.layers.Layer):
    """Ends Python when it is called, once it is told to."""

    leaves = False

    def call(self, values: Any) -> Any:
        return sys.exit(3) if self.leaves else values


def test_a_keras_net_that_leaves_is_an_error(images: np.ndarray) -> None:
    layer = LeavingLayer()
    layers = [keras.layers.Flatten(), layer, keras.layers.Dense(7)]
    net = wrap(keras.Sequential([keras.Input((8, 8, 1)), *layers]), Contract(8, 8, 1, FER7),
               model_id="tiny")  # fmt: skip
    layer.leaves = True
    for ask in (
        lambda: net.logits(images),
        lambda: net.input_gradients(images, LABELS, Loss.MARGIN),
        lambda: net.outputs_as_given(images),
    ):
        with pytest.raises(ModelError, match=LEAVES):
            ask()


def test_a_keras_layer_that_leaves_when_it_is_tried_is_refused() -> None:
    layer = LeavingLayer()
    layer.leaves = True
    with pytest.raises(ModelError, match=r"given \(1, 8, 8, 1\) it fails: SystemExit: 3"):
        with_steps(keras_net("tiny", layer, ""), layer, (8, 8, 1))


def test_a_classifier_that_leaves_is_an_error(images: np.ndarray) -> None:
    class Own(Classifier):
        id, scheme = "tiny", FER7

        def _batch_logits(self, images: np.ndarray) -> np.ndarray:
            return sys.exit(3)

    with pytest.raises(ModelError, match=LEAVES):
        Own().logits(images)
