"""Grad-CAM of PyTorch nets, the modes in which they are given, and their layers."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from evaluation.checks.training_mode import training_mode_checks
from evaluation.stages.explanation_shift import explain
from fer_models import zoo
from fer_models.classifier import DifferentiableClassifier
from fer_models.defences.base import defend
from fer_models.defences.registry import parse_defence
from fer_models.explanations.feature_maps import activation_grid, default_layer, grad_cam
from fer_models.keras_classifier import KerasClassifier
from fer_models.pytorch.classifier import TorchClassifier, wrap_torch
from fer_models.pytorch.port import port
from tests.fer_models.pytorch.nets import tiny_module, tiny_torch

IMAGES = np.random.default_rng(0).random((6, 48, 48, 1), np.float32)


@pytest.fixture(scope="module")
def pair() -> tuple[KerasClassifier, TorchClassifier]:
    net = zoo.load("simple_cnn.fer")
    assert isinstance(net, KerasClassifier)
    return net, wrap_torch(port(net.model), net.contract, model_id="ported")


def test_grad_cam_is_that_of_the_same_net_in_keras(pair) -> None:
    ours, theirs = pair
    layer = default_layer(ours)
    classes = ours.predict(IMAGES)
    np.testing.assert_allclose(
        grad_cam(theirs, IMAGES, classes, layer), grad_cam(ours, IMAGES, classes, layer), atol=1e-3
    )
    for one, other in zip(*(each.layer_gradients(IMAGES, classes, layer) for each in pair)):
        np.testing.assert_allclose(other, one, atol=1e-4 * np.abs(one).max())
    assert theirs.map_sizes()[default_layer(theirs)] == ours.map_sizes()[layer]
    one, other = (activation_grid(each, IMAGES[0], layer) for each in pair)
    np.testing.assert_allclose(other, one, atol=1e-3)


def test_the_shift_of_maps_is_measured(pair) -> None:
    attacked = np.clip(IMAGES + 0.2, 0, 1)
    ours, theirs = (explain(each, IMAGES, attacked) for each in pair)
    assert ours is not None and theirs is not None
    np.testing.assert_allclose(theirs.shifts, ours.shifts, atol=0.01)


def test_steps_in_place_behind_a_layer_do_not_change_its_gradient() -> None:
    nets = []
    for inplace in (False, True):
        torch.manual_seed(0)
        head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 7))
        module = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(inplace=inplace), *head)
        nets.append(tiny_torch(module))
    images, classes = IMAGES[:, :8, :8], np.zeros(6, np.int64)
    one, other = (each.layer_gradients(images, classes, "0") for each in nets)
    np.testing.assert_array_equal(one.gradient, other.gradient)
    np.testing.assert_array_equal(one.activations, other.activations)
    assert one.activations.min() < 0 and other.gradient.any()


def test_a_net_without_maps_has_none() -> None:
    flat = tiny_torch(nn.Sequential(nn.Flatten(), nn.Linear(64, 7)))
    assert flat.map_sizes() == {} and explain(flat, IMAGES[:, :8, :8], IMAGES[:, :8, :8]) is None


@pytest.mark.filterwarnings("ignore:.*jit.*:DeprecationWarning")
def test_layers_inside_torchscript_are_left_out() -> None:
    script = torch.jit.script(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()))
    whole = tiny_torch(nn.Sequential(torch.jit.script(tiny_module())))
    assert whole.map_sizes() == {} and explain(whole, IMAGES[:, :8, :8], IMAGES[:, :8, :8]) is None
    head = nn.Sequential(nn.Conv2d(4, 2, 3), nn.Flatten(), nn.Linear(2 * 16, 7))
    assert tiny_torch(nn.Sequential(script, *head)).map_sizes() == {"1": (4, 4)}


class McDropout(nn.Module):
    """Dropout that no mode switches off."""

    def __init__(self) -> None:
        super().__init__()
        self.net = tiny_module()

    def forward(self, images):
        return self.net(functional.dropout(images, 0.5, training=True))


def half_trained() -> nn.Module:
    module = tiny_module()
    module[1].train()
    return module


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (tiny_module, ["ok"]),
        (lambda: tiny_module().train(), ["flagged"]),
        (half_trained, ["flagged"]),
        (McDropout, []),  # random in either mode, which another check flags
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 7)).train(), ["ok"]),
    ],
)
def test_modules_that_are_given_in_training_mode_are_flagged(make, expected: list[str]) -> None:
    torch.manual_seed(0)
    module, images = make(), IMAGES[:, :8, :8]
    modes = [each.training for each in module.modules()]
    before = {name: value.clone() for name, value in module.state_dict().items()}
    net = tiny_torch(module)
    behind: list[DifferentiableClassifier] = [net]
    behind.append(defend(net, parse_defence("bits3"), "bits3"))  # type: ignore[arg-type]
    for classifier in behind:
        found = training_mode_checks(classifier, images)
        assert [(one["rule"], one["status"]) for one in found] == [("R11", one) for one in expected]
    assert modes == [each.training for each in module.modules()]
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


def test_outputs_follow_another_contract() -> None:
    net, images = tiny_torch(), IMAGES[:, :8, :8]
    darker = replace(net.contract, high=0.5)
    np.testing.assert_allclose(
        net.outputs(images, darker), tiny_torch(high=0.5).logits(images), atol=1e-6
    )
    assert net.count_parameters() == 4 * 9 + 4 + 8 + 4 * 36 * 7 + 7
