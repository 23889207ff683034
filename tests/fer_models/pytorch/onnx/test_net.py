"""Whole graphs: constants, functions, quantisation, exports of PyTorch, and what is not known."""

import copy
import io
import warnings
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from fer_models.classifier import NoTranslationError
from fer_models.pytorch.onnx.net import OnnxNet
from tests.fer_models.pytorch.onnx.graphs import graph_of, model_of
from tests.fer_models.pytorch.onnx.test_operators import runtime


def node(kind: str, *names: str, **attributes: Any) -> onnx.NodeProto:
    """The last of the names is the output."""
    return helper.make_node(kind, names[:-1], names[-1:], **attributes)


def constant(name: str, *values: float, dtype: type = np.int64) -> onnx.TensorProto:
    array: np.ndarray = np.array(values if len(values) > 1 else values[0], dtype)
    return numpy_helper.from_array(array, name)


def require_equal(model: onnx.ModelProto, images: np.ndarray, tolerance: float = 1e-5) -> OnnxNet:
    net = OnnxNet(model)
    (expected,) = runtime(model).run(None, {"x": images})
    answer = net(torch.from_numpy(images)).numpy()
    assert answer.shape == expected.shape
    np.testing.assert_allclose(answer, expected, rtol=tolerance, atol=tolerance)
    return net


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 2, 5, 4)).astype(np.float32)


def test_shapes_are_computed_for_any_batch(images: np.ndarray) -> None:
    """As exporters write `x.view(x.size(0), -1)`, `torch.arange` and a mask."""
    stored = [constant("zero", 0), constant("axes", [0]), constant("minus", [-1])]  # type: ignore[arg-type]
    stored += [constant("one", 1), constant("three", 3), constant("half", 0.5, dtype=np.float32)]
    nodes = [
        node("Shape", "x", "shape"),
        node("Gather", "shape", "zero", "n"),
        node("Unsqueeze", "n", "axes", "first"),
        node("Concat", "first", "minus", "sizes", axis=0),
        node("Reshape", "x", "sizes", "rows"),
        node("Shape", "rows", "wide"),
        node("Gather", "wide", "one", "side"),
        node("Range", "zero", "side", "one", "places"),
        node("Less", "places", "three", "early"),
        node("Greater", "rows", "half", "large"),
        node("GreaterOrEqual", "places", "three", "later"),
        node("LessOrEqual", "places", "three", "soon"),
        node("Equal", "places", "three", "third"),
        node("Not", "third", "others"),
        node("And", "early", "large", "both"),
        node("Or", "both", "later", "either"),
        node("Xor", "either", "others", "one_of_them"),
        node("And", "one_of_them", "soon", "mask"),
        node("ConstantOfShape", "sizes_of_zero", "nothing"),
        node("Where", "mask", "rows", "nothing", "y"),
    ]
    stored.append(constant("sizes_of_zero", [1]))  # type: ignore[arg-type]
    model = model_of(nodes, ("N", 2, 5, 4), stored, opset=13)
    for count in (1, 3):
        require_equal(model, images[:count])


@pytest.mark.parametrize("opset", [9, 12, 13, 21, 25])
def test_constants_are_computed_once(opset: int, images: np.ndarray) -> None:
    nodes = [
        node("Constant", "a", value=constant("", 2.0, dtype=np.float32)),
        node("Mul", "a", "a", "b"),
        node("Mul", "x", "b", "y"),
    ]
    if opset >= 12:
        nodes[0] = node("Constant", "a", value_float=2.0)
    model = model_of(nodes, ("N", 2, 5, 4), opset=opset)
    net = require_equal(model, images)
    assert [each.item() for each in net.parameters()] == [4]


def test_functions_of_a_model_are_written_out(images: np.ndarray) -> None:
    """As `torch.onnx.export(dynamo=True)` writes them."""
    nodes = [node("Mul", "a", "a", "b"), node("Tanh", "b", "c")]
    opsets = [helper.make_opsetid("", 18)]
    squared = helper.make_function("here", "Squared", ["a"], ["c"], nodes, opsets)
    model = model_of([node("Squared", "x", "y", domain="here")], ("N", 2, 5, 4), opset=18)
    model.opset_import.append(helper.make_opsetid("here", 1))
    model.functions.append(squared)
    require_equal(model, images)


@pytest.mark.parametrize("per_axis", [False, True])
@pytest.mark.parametrize("opset", [13, 21])
def test_quantisation_rounds_and_its_gradient_passes(
    opset: int, per_axis: bool, images: np.ndarray
) -> None:
    if per_axis:
        stored = [
            numpy_helper.from_array(np.array([0.02, 0.03], np.float32), "scale"),
            numpy_helper.from_array(np.array([100, 120], np.uint8), "start"),
        ]
    else:
        stored = [constant("scale", 0.01, dtype=np.float32), constant("start", 3, dtype=np.int8)]
    nodes = [
        node("QuantizeLinear", "x", "scale", "start", "q", axis=1),
        node("DequantizeLinear", "q", "scale", "start", "y", axis=1),
    ]
    net = require_equal(model_of(nodes, ("N", 2, 5, 4), stored, opset), images)
    pixels = torch.tensor(images, requires_grad=True)
    answer = net(pixels)
    answer.sum().backward()
    step = torch.tensor([0.02, 0.03] if per_axis else [0.01]).reshape(-1, 1, 1)
    inside = (answer.detach() - pixels.detach()).abs() < 0.51 * step  # else it is saturated
    assert inside.any() and not inside.all()
    assert pixels.grad is not None
    torch.testing.assert_close(pixels.grad, inside.float())


def test_weights_of_integers_are_restored_once(images: np.ndarray) -> None:
    kernel = np.random.default_rng(1).integers(-127, 127, (3, 2, 2, 2)).astype(np.int8)
    scale = numpy_helper.from_array(np.array([0.01, 0.02, 0.03], np.float32), "scale")
    stored = [numpy_helper.from_array(kernel, "kernel"), scale]
    nodes = [
        node("DequantizeLinear", "kernel", "scale", "restored", axis=0),
        node("Conv", "x", "restored", "y"),
    ]
    net = require_equal(model_of(nodes, ("N", 2, 5, 4), stored), images)
    assert [each.dtype for each in net.parameters()] == [torch.float32]
    assert not list(net.buffers())


def test_integer_pixels_are_rounded_and_have_gradients() -> None:
    scale = constant("scale", 0.1, dtype=np.float32)
    nodes = [node("Cast", "x", "floats", to=TensorProto.FLOAT), node("Mul", "floats", "scale", "y")]
    model = model_of(nodes, ("N", 2), [scale])
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    pixels = torch.tensor([[0.4, 254.6]], requires_grad=True)
    answer = OnnxNet(model)(pixels)
    answer.sum().backward()
    torch.testing.assert_close(answer, torch.tensor([[0.0, 25.5]]))
    torch.testing.assert_close(pixels.grad, torch.tensor([[0.1, 0.1]]))


def test_a_net_that_pytorch_exports_answers_as_it_does() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.Hardswish(),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.Conv2d(4, 8, 3, groups=2),
        nn.GELU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.LayerNorm(8),
        nn.Linear(8, 7),
    ).eval()
    images = torch.randn(3, 1, 9, 9)
    for opset in (11, 17):
        file = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # this way of exporting is old, and needs no package
            torch.onnx.export(
                copy.deepcopy(net), (images[:1],), file, dynamo=False, opset_version=opset,
                input_names=["x"], dynamic_axes={"x": [0]},
            )  # fmt: skip
        model = onnx.load_from_string(file.getvalue())
        translated = require_equal(model, images.numpy())
        pixels = [images.clone().requires_grad_() for _ in range(2)]
        for each, given in zip((net, translated), pixels):
            each(given).logsumexp(1).sum().backward()
        torch.testing.assert_close(pixels[0].grad, pixels[1].grad, rtol=1e-4, atol=1e-6)


class SmallTransformer(nn.Module):
    """Patches, a class token, two layers of attention."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.head = nn.Conv2d(1, 8, 4, 4), nn.Linear(8, 7)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        layer = nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        rows = self.patches(images).flatten(2).transpose(1, 2)
        rows = torch.cat([self.token.expand(images.shape[0], -1, -1), rows], dim=1)
        answer: torch.Tensor = self.head(self.layers(rows)[:, 0])
        return answer


@pytest.mark.parametrize("opset", [14, 17])
def test_a_transformer_that_pytorch_exports_is_known(opset: int) -> None:
    torch.manual_seed(0)
    net, images, file = SmallTransformer().eval(), torch.randn(3, 1, 12, 12), io.BytesIO()
    torch.backends.mha.set_fastpath_enabled(False)  # it has no form in ONNX
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # this way of exporting is old, and needs no package
            torch.onnx.export(
                net, (images[:2],), file, dynamo=False, opset_version=opset,
                input_names=["x"], dynamic_axes={"x": [0]},
            )  # fmt: skip
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    require_equal(onnx.load_from_string(file.getvalue()), images.numpy())


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (graph_of("Round", (2, 3)), "Round of opset 13"),
        (graph_of("Celu", (2, 3), opset=28), "Celu of opset 28"),
        (graph_of("Relu", (2, 3), opset=99), "Relu of opset 99"),
        (graph_of("FusedMatMul", (2, 3), domain="com.microsoft"), "FusedMatMul of com.microsoft"),
        (graph_of("Cast", (2, 3), to=TensorProto.FLOAT8E4M3FN), "the type FLOAT8E4M3FN"),
        (
            graph_of("Resize", (1, 1, 4, 4), (None, np.ones(4, np.float32)), 18, antialias=1),
            "Resize with antialias",
        ),
        (
            graph_of(
                "BatchNormalization", (2, 3), (np.ones(3),) * 4, 15, outputs=3, training_mode=1
            ),
            "BatchNormalization in training mode",
        ),
    ],
)
def test_what_is_not_known_is_named(model: onnx.ModelProto, words: str) -> None:
    sides = [side.dim_value for side in model.graph.input[0].type.tensor_type.shape.dim]
    with pytest.raises(NoTranslationError, match=f"^{words} is not known$"):
        OnnxNet(model)(torch.ones(sides))
