"""Grad-CAM of graphs without named layers: that of the same net with its code."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from datasets.labels import FER7
from evaluation.stages.explanation_shift import explain
from fer_models.contract import Contract
from fer_models.explanations.feature_maps import default_layer, grad_cam, map_layers
from fer_models.foreign.classifier import load_foreign
from fer_models.net_classifier import NetClassifier
from fer_models.pytorch.classifier import TorchClassifier, wrap_torch
from fer_models.pytorch.map_steps import map_steps

IMAGES = np.random.default_rng(0).random((6, 24, 24, 1), np.float32)


class Residual(nn.Module):
    """Convolutions with a branch, steps in place, and an end without positions."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.SiLU())
        self.pool, self.branch = nn.MaxPool2d(2), nn.Conv2d(8, 8, 3, padding=1)
        self.last = nn.ReLU(inplace=True)
        self.end = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 7))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.pool(self.first(images))
        return self.end(self.last(maps + self.branch(maps)))


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.manual_seed(3)
    return Residual().eval()


def by_code(net: nn.Module) -> TorchClassifier:
    return wrap_torch(net, Contract(24, 24, 1, FER7, low=-1.0), model_id="code")


def save_pt2(net: nn.Module, path: Path) -> None:
    batch = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(net, (torch.zeros(2, 1, 24, 24),), dynamic_shapes=batch)
    torch.export.save(program, path)


def save_decomposed(net: nn.Module, path: Path) -> None:
    """As exports of older versions and compilers write them."""
    batch = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(net, (torch.zeros(2, 1, 24, 24),), dynamic_shapes=batch)
    torch.export.save(program.run_decompositions(), path)


def save_onnx(net: nn.Module, path: Path) -> None:
    axes = {"input_names": ["images"], "dynamic_axes": {"images": {0: "batch"}}}
    torch.onnx.export(net, (torch.zeros(2, 1, 24, 24),), str(path), dynamo=False, **axes)


def loaded(path: Path) -> NetClassifier:
    fields = {"classes": FER7.classes, "height": 24, "width": 24, "channels": 1, "low": -1}
    Path(f"{path}.contract.json").write_text(json.dumps({**fields, "high": 1}))
    classifier = load_foreign(str(path))
    assert isinstance(classifier, NetClassifier)
    return classifier


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("save", "name"),
    [(save_pt2, "net.pt2"), (save_decomposed, "older.pt2"), (save_onnx, "net.onnx")],
)
def test_grad_cam_of_a_graph_is_that_of_its_code(save, name, net, tmp_path: Path) -> None:
    save(net, tmp_path / name)
    code, graph = by_code(net), loaded(tmp_path / name)
    layer, step = default_layer(code), default_layer(graph)
    assert layer == "last" and code.map_sizes()[layer] == graph.map_sizes()[step] == (12, 12)
    classes = code.predict(IMAGES)
    expected = grad_cam(code, IMAGES, classes)
    assert expected.any(axis=(1, 2)).all()
    np.testing.assert_allclose(grad_cam(graph, IMAGES, classes), expected, atol=1e-5)
    for one, other in zip(
        code.layer_gradients(IMAGES, classes, layer), graph.layer_gradients(IMAGES, classes, step)
    ):
        np.testing.assert_allclose(other, one, atol=1e-5 * max(1, np.abs(one).max()))
    np.testing.assert_allclose(
        graph.layer_maps(IMAGES, step), code.layer_maps(IMAGES, layer), atol=1e-5
    )
    np.testing.assert_allclose(grad_cam(graph, IMAGES[:1], classes[:1]), expected[:1], atol=1e-5)
    attacked = np.clip(IMAGES + 0.2, 0, 1)
    shifts = [explain(each, IMAGES, attacked) for each in (code, graph)]
    assert shifts[0] is not None and shifts[1] is not None
    np.testing.assert_allclose(shifts[1].shifts, shifts[0].shifts, atol=1e-3)


class Attention(nn.Module):
    """Patches that attend to each other; their weights are 4-D and no maps."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.end = nn.Conv2d(1, 8, 4, 4), nn.Linear(8, 7)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(images).flatten(2).transpose(1, 2)
        heads = tokens.unflatten(2, (2, 4)).transpose(1, 2)
        weights = functional.dropout(heads @ heads.transpose(2, 3) / 2, 0.0).softmax(-1)
        return self.end((weights @ heads).transpose(1, 2).flatten(2).mean(1))


class OneByOne(nn.Module):
    """Computes a batch image by image, so that no step has the maps of all."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.steps = lambda images: net(images)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.steps(image[None]) for image in images])


class LastChannels(nn.Module):
    """Hands its maps on with the channels last, as graphs of other frameworks do."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        kernel = torch.ones(4, 1, 3, 3)
        maps = functional.conv2d(images, kernel).permute(0, 2, 3, 1)
        return functional.relu(maps + 1).mean((1, 2))


def test_only_maps_are_listed(net: nn.Module) -> None:
    batch = torch.zeros(2, 1, 24, 24)
    assert map_steps(Attention(), batch) == {"conv2d_1": (6, 6)}
    assert map_steps(LastChannels(), batch) == {"conv2d_1": (22, 22)}
    assert map_steps(OneByOne(net), batch) == {}
    with pytest.raises(ValueError, match="explanations need a convolutional net"):
        map_layers(by_code(OneByOne(net)))
