"""Quantisation whose rounding has the gradient of the identity.

Rounding has the gradient zero, which would hide the model from every attack. Here quantised values
stay floating-point numbers; what saturates has the gradient zero, as it should.

Source: straight-through estimator, Bengio et al. 2013, arXiv 1308.3432.
"""

import torch
from torch import Tensor

from fer_models.pytorch.onnx.constants import dtype_of
from fer_models.pytorch.onnx.operator import Node, Operator, unknown

_SINCE_10 = (10, 13, 19, 21, 23, 24, 25)


def round_through(x: Tensor) -> Tensor:
    """Round to the nearest integer, halves to even ones, with the gradient of the identity."""
    return x + (torch.round(x) - x).detach()


def _quantise(node: Node, x: Tensor, scale: Tensor, zero: Tensor | None = None) -> Tensor:
    number = node.get("output_dtype")
    dtype = zero.dtype if zero is not None else dtype_of(number) if number else torch.uint8
    if dtype.is_floating_point:
        raise unknown("QuantizeLinear to floating-point numbers")
    limits = torch.iinfo(dtype)
    start = 0.0 if zero is None else _per_axis(node, x, zero.to(x.dtype))
    rounded = round_through(x / _per_axis(node, x, scale)) + start
    return rounded.clamp(limits.min, limits.max)


def _restore(node: Node, x: Tensor, scale: Tensor, zero: Tensor | None = None) -> Tensor:
    values = x.to(scale.dtype)
    if zero is not None:
        values = values - _per_axis(node, x, zero.to(scale.dtype))
    return values * _per_axis(node, x, scale)


def _per_axis(node: Node, x: Tensor, values: Tensor) -> Tensor:
    """One value for all, or one per element of the axis."""
    if node.get("block_size"):
        raise unknown(f"{node.kind} in blocks")
    if values.numel() == 1:
        return values.reshape(())
    shape = [1] * x.ndim
    shape[node["axis"]] = -1
    return values.reshape(shape)


QUANTISATION = {
    "QuantizeLinear": Operator(_quantise, _SINCE_10),
    "DequantizeLinear": Operator(_restore, _SINCE_10),
}
