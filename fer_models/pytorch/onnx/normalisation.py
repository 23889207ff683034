"""Normalisations, with constants of the file or with each image's own mean and variance."""

import torch
from torch import Tensor
from torch.nn import functional

from fer_models.pytorch.onnx.operator import Node, Operator, unknown


def _batch_norm(
    node: Node, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor
) -> Tensor:
    if node.get("training_mode"):
        raise unknown("BatchNormalization in training mode")
    if node.get("spatial") == 0:
        raise unknown("BatchNormalization that is not spatial")
    return functional.batch_norm(x, mean, variance, scale, bias, eps=node["epsilon"])


def _layer_norm(
    node: Node, x: Tensor, scale: Tensor, bias: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    axes = tuple(range(node["axis"] % x.ndim, x.ndim))
    mean = x.mean(axes, keepdim=True)
    spread = ((x - mean).square().mean(axes, keepdim=True) + node["epsilon"]).rsqrt()
    answer = (x - mean) * spread * scale
    return (answer if bias is None else answer + bias), mean, spread


def _instance_norm(node: Node, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return functional.group_norm(x, x.shape[1], scale, bias, node["epsilon"])


def _group_norm(node: Node, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """Scale and bias are per group before opset 21, later per channel."""
    groups = node["num_groups"]
    if node.version < 21:
        scale, bias = (v.repeat_interleave(x.shape[1] // groups) for v in (scale, bias))
    return functional.group_norm(x, groups, scale, bias, node["epsilon"])


def _lp_norm(node: Node, x: Tensor) -> Tensor:
    """Rows of zeros stay zeros."""
    norm = torch.linalg.vector_norm(x, node["p"], dim=node["axis"], keepdim=True)
    return x / torch.where(norm == 0, torch.ones_like(norm), norm)


def _local_response(node: Node, x: Tensor) -> Tensor:
    """Sum of squares of `size` neighbouring channels, more of them behind when it is even."""
    size = node["size"]
    before, after = (size - 1) // 2, size // 2
    squares = functional.pad(x.square(), (0, 0) * (x.ndim - 2) + (before, after))
    sums = squares.unfold(1, size, 1).sum(-1)
    scale: Tensor = node["bias"] + node["alpha"] / size * sums
    return x / scale ** node["beta"]


NORMALISATIONS = {
    "BatchNormalization": Operator(_batch_norm, (7, 9, 14, 15)),
    "LayerNormalization": Operator(_layer_norm, (17,)),
    "InstanceNormalization": Operator(_instance_norm, (6, 22)),
    "GroupNormalization": Operator(_group_norm, (18, 21)),
    "LpNormalization": Operator(_lp_norm, (1, 22)),
    "LRN": Operator(_local_response, (1, 13)),
}
