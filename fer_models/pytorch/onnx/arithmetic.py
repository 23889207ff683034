"""Arithmetic of elements, comparisons, and products of matrices."""

from collections.abc import Callable
from functools import reduce

import torch
from torch import Tensor

from fer_models.pytorch.onnx.operator import Node, Operator, elementwise


def _div(x: Tensor, y: Tensor) -> Tensor:
    """Integers are divided towards zero."""
    return x / y if x.is_floating_point() else torch.div(x, y, rounding_mode="trunc")


def _pow(x: Tensor, y: Tensor) -> Tensor:
    """The answer has the type of the base."""
    return torch.pow(x, y).to(x.dtype)


def _mod(node: Node, x: Tensor, y: Tensor) -> Tensor:
    """The sign is that of the divisor; with `fmod` that of the dividend."""
    return torch.fmod(x, y) if node["fmod"] else torch.remainder(x, y)


def _clip(node: Node, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    """Limits are attributes before opset 11."""
    if node.version < 11:
        return x.clamp(node.get("min"), node.get("max"))
    if low is not None:
        x = torch.maximum(x, low) if not x.is_floating_point() else x.clamp(min=low)
    if high is not None:
        x = torch.minimum(x, high) if not x.is_floating_point() else x.clamp(max=high)
    return x


def _folded(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """A function of two tensors as one of any number."""
    return lambda *values: reduce(function, values)


def _mean(*values: Tensor) -> Tensor:
    return reduce(torch.add, values) / len(values)


def _gemm(node: Node, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    a = a.T if node["transA"] else a
    b = b.T if node["transB"] else b
    product = node["alpha"] * (a @ b) if node["alpha"] != 1 else a @ b
    return product if c is None else product + node["beta"] * c


def _einsum(node: Node, *values: Tensor) -> Tensor:
    return torch.einsum(node["equation"], *values)


ARITHMETIC = {
    "Add": elementwise(torch.add, 7, 13, 14),
    "Sub": elementwise(torch.sub, 7, 13, 14),
    "Mul": elementwise(torch.mul, 7, 13, 14),
    "Div": elementwise(_div, 7, 13, 14),
    "Mod": Operator(_mod, (10, 13)),
    "Pow": elementwise(_pow, 7, 12, 13, 15),
    "Sqrt": elementwise(torch.sqrt, 6, 13),
    "Reciprocal": elementwise(torch.reciprocal, 6, 13),
    "Exp": elementwise(torch.exp, 6, 13),
    "Log": elementwise(torch.log, 6, 13),
    "Neg": elementwise(torch.neg, 6, 13),
    "Abs": elementwise(torch.abs, 6, 13),
    "Sign": elementwise(torch.sign, 9, 13),
    "Floor": elementwise(torch.floor, 6, 13),
    "Ceil": elementwise(torch.ceil, 6, 13),
    "Erf": elementwise(torch.erf, 9, 13),
    "Sin": elementwise(torch.sin, 7, 22),
    "Cos": elementwise(torch.cos, 7, 22),
    "Atan": elementwise(torch.atan, 7, 22),
    "Clip": Operator(_clip, (6, 11, 12, 13)),
    "Min": elementwise(_folded(torch.minimum), 8, 12, 13),
    "Max": elementwise(_folded(torch.maximum), 8, 12, 13),
    "Sum": elementwise(_folded(torch.add), 8, 13),
    "Mean": elementwise(_mean, 8, 13),
    "MatMul": elementwise(torch.matmul, 1, 9, 13),
    "Gemm": Operator(_gemm, (7, 9, 11, 13)),
    "Einsum": Operator(_einsum, (12,)),
    "Equal": elementwise(torch.eq, 7, 11, 13, 19),
    "Greater": elementwise(torch.gt, 7, 9, 13),
    "GreaterOrEqual": elementwise(torch.ge, 12, 16),
    "Less": elementwise(torch.lt, 7, 9, 13),
    "LessOrEqual": elementwise(torch.le, 12, 16),
    "And": elementwise(torch.logical_and, 7),
    "Or": elementwise(torch.logical_or, 7),
    "Xor": elementwise(torch.logical_xor, 7),
    "Not": elementwise(torch.logical_not, 1),
    "Where": elementwise(torch.where, 9, 16),
}
"""`Round` is missing: its gradient is zero, and what an author rounds is meant as quantisation."""
