"""Reductions over some axes, given as an attribute or, in later opsets, as an input."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from fer_models.pytorch.onnx.operator import Node, Operator, unknown

_Reduction = Callable[..., Tensor]


def _reduce(
    reduction: _Reduction, alone: bool, node: Node, x: Tensor, axes: Tensor | None = None
) -> Tensor:
    """Apply a reduction; `alone` says that one without axes may leave elements as they are."""
    found = node.get("axes") if axes is None else axes.tolist()
    if not found and node.get("noop_with_empty_axes"):
        if alone:
            return x
        raise unknown(f"{node.kind} with noop_with_empty_axes")
    chosen = tuple(axis % x.ndim for axis in found) if found else tuple(range(x.ndim))
    return (
        reduction(x, chosen, bool(node["keepdims"])) if chosen else reduction(x[None], (0,), False)
    )


def _product(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    for axis in sorted(axes, reverse=True):
        x = x.prod(axis, keepdim=keep)
    return x


def _norm1(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    return x.abs().sum(axes, keepdim=keep)


def _norm2(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    return torch.linalg.vector_norm(x, 2, dim=axes, keepdim=keep)


def _squares(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    return (x * x).sum(axes, keepdim=keep)


def _reduction(function: _Reduction, *versions: int, alone: bool = False) -> Operator:
    return Operator(partial(_reduce, function, alone), versions)


REDUCTIONS = {
    "ReduceMean": _reduction(torch.mean, 1, 11, 13, 18, alone=True),
    "ReduceSum": _reduction(torch.sum, 1, 11, 13, alone=True),
    "ReduceMax": _reduction(torch.amax, 1, 11, 12, 13, 18, 20, alone=True),
    "ReduceMin": _reduction(torch.amin, 1, 11, 12, 13, 18, 20, alone=True),
    "ReduceProd": _reduction(_product, 1, 11, 13, 18, alone=True),
    "ReduceL1": _reduction(_norm1, 1, 11, 13, 18),
    "ReduceL2": _reduction(_norm2, 1, 11, 13, 18),
    "ReduceSumSquare": _reduction(_squares, 1, 11, 13, 18),
    "ReduceLogSumExp": _reduction(torch.logsumexp, 1, 11, 13, 18),
}
