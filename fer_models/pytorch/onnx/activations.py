"""Activations, softmax among them."""

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from fer_models.pytorch.onnx.operator import Node, Operator, elementwise


def _leaky_relu(node: Node, x: Tensor) -> Tensor:
    return functional.leaky_relu(x, node["alpha"])


def _prelu(x: Tensor, slope: Tensor) -> Tensor:
    return torch.where(x < 0, x * slope, x)


def _thresholded_relu(node: Node, x: Tensor) -> Tensor:
    return torch.where(x > node["alpha"], x, torch.zeros_like(x))


def _elu(node: Node, x: Tensor) -> Tensor:
    return functional.elu(x, node["alpha"])


def _celu(node: Node, x: Tensor) -> Tensor:
    return functional.celu(x, node["alpha"])


def _selu(node: Node, x: Tensor) -> Tensor:
    return node["gamma"] * functional.elu(x, node["alpha"])


def _hard_sigmoid(node: Node, x: Tensor) -> Tensor:
    return (node["alpha"] * x + node["beta"]).clamp(0, 1)


def _hard_swish(x: Tensor) -> Tensor:
    return x * (x / 6 + 0.5).clamp(0, 1)


def _gelu(node: Node, x: Tensor) -> Tensor:
    return functional.gelu(x, approximate=node["approximate"])


def _swish(node: Node, x: Tensor) -> Tensor:
    return x * torch.sigmoid(node["alpha"] * x)


def _softplus(x: Tensor) -> Tensor:
    return torch.logaddexp(x, torch.zeros_like(x))


def _over_classes(function: "partial[Tensor]", node: Node, x: Tensor) -> Tensor:
    """Before opset 13 all dimensions from `axis` on are one."""
    axis = node["axis"] % x.ndim
    if node.version >= 13:
        return function(x, dim=axis)
    rows = x.flatten(axis)
    return function(rows, dim=-1).reshape(x.shape)


ACTIVATIONS = {
    "Relu": elementwise(functional.relu, 6, 13, 14),
    "LeakyRelu": Operator(_leaky_relu, (6, 16)),
    "PRelu": elementwise(_prelu, 7, 9, 16),
    "ThresholdedRelu": Operator(_thresholded_relu, (10, 22)),
    "Elu": Operator(_elu, (6, 22)),
    "Celu": Operator(_celu, (12,)),
    "Selu": Operator(_selu, (6, 22)),
    "Sigmoid": elementwise(torch.sigmoid, 6, 13),
    "HardSigmoid": Operator(_hard_sigmoid, (6, 22)),
    "HardSwish": elementwise(_hard_swish, 14, 22),
    "Softplus": elementwise(_softplus, 1, 22),
    "Softsign": elementwise(functional.softsign, 1, 22),
    "Mish": elementwise(functional.mish, 18, 22),
    "Swish": Operator(_swish, (24,)),
    "Tanh": elementwise(torch.tanh, 6, 13),
    "Gelu": Operator(_gelu, (20,)),
    "Softmax": Operator(partial(_over_classes, partial(functional.softmax)), (1, 11, 13)),
    "LogSoftmax": Operator(partial(_over_classes, partial(functional.log_softmax)), (1, 11, 13)),
}
