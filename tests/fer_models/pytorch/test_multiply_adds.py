"""Multiply-adds of PyTorch nets, whatever file they are from."""

from pathlib import Path

import pytest
import torch

from fer_models.architectures.registry import architecture
from fer_models.contract import Contract
from fer_models.costs.multiply_adds import multiply_adds
from fer_models.foreign.classifier import load_foreign
from fer_models.net_classifier import NetClassifier
from fer_models.pytorch.classifier import wrap_torch
from fer_models.pytorch.port import port
from tests.fer_models.pytorch.nets import tiny_module, tiny_torch
from tests.fer_models.pytorch.test_readers import FILE, script, tiny_export

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
BY_HAND = 6 * 6 * 4 * 9 + 144 * 7
"""A 3x3 convolution to 4 maps of 6x6, and a dense layer."""


def test_a_module_is_counted_once_per_image_and_stays_as_it_is() -> None:
    module = tiny_module().train()
    classifier = tiny_torch(module)
    assert classifier.count_multiply_adds() == classifier.count_multiply_adds() == BY_HAND
    assert module.training


def to_onnx(module: torch.nn.Module, path: Path) -> None:
    pytest.importorskip("onnxruntime")
    axes = {"input_names": ["x"], "dynamic_axes": {"x": {0: "batch"}}}
    torch.onnx.export(module, (torch.zeros(2, 1, 8, 8),), path, dynamo=False, **axes)


@pytest.mark.parametrize(
    ("save", "file"), [(tiny_export, "net.pt2"), (script, "net.ts"), (to_onnx, "net.onnx")]
)
def test_files_are_counted_as_their_module(save: object, file: str, tmp_path: Path) -> None:
    assert callable(save)
    save(tiny_module(), tmp_path / file)
    classifier = load_foreign(str(tmp_path / file), FILE)
    assert isinstance(classifier, NetClassifier)
    assert classifier.count_multiply_adds() == BY_HAND


def test_a_ported_net_costs_what_it_cost_in_keras() -> None:
    build, _ = architecture("mini_xception")
    net = build((48, 48, 1), 7)
    ported = wrap_torch(port(net), Contract(48, 48, 1, FILE.contract()[0].scheme), model_id="net")
    assert ported.count_multiply_adds() == multiply_adds(net)


def test_a_net_without_products_is_not_counted() -> None:
    class Rows(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.flatten(1)[:, :7]

    assert tiny_torch(Rows()).count_multiply_adds() is None
