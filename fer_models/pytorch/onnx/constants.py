"""Constants, types of numbers, and operators that hand on what they are given."""

import numpy as np
import onnx
import torch
from onnx import TensorProto, numpy_helper
from torch import Tensor

from fer_models.pytorch.onnx.operator import Node, Operator, elementwise, unknown

_SINCE_13 = (13, 21, 23, 24, 25)
"""Opsets that changed nothing but the types that tensors may have."""

DTYPES: dict[int, torch.dtype] = {
    TensorProto.FLOAT: torch.float32,
    TensorProto.DOUBLE: torch.float64,
    TensorProto.FLOAT16: torch.float16,
    TensorProto.BFLOAT16: torch.bfloat16,
    TensorProto.INT8: torch.int8,
    TensorProto.INT16: torch.int16,
    TensorProto.INT32: torch.int32,
    TensorProto.INT64: torch.int64,
    TensorProto.UINT8: torch.uint8,
    TensorProto.UINT16: torch.uint16,
    TensorProto.BOOL: torch.bool,
}
"""PyTorch's types of numbers by ONNX's."""


def dtype_of(number: int) -> torch.dtype:
    """PyTorch's type of a number of `TensorProto.DataType`.

    Raises:
        NoTranslationError: PyTorch has no such type.
    """
    if number not in DTYPES:
        raise unknown(f"the type {TensorProto.DataType.Name(number)}")
    return DTYPES[number]


def tensor_of(stored: onnx.TensorProto) -> Tensor:
    """A tensor as the file holds it."""
    dtype = dtype_of(stored.data_type)
    if dtype is torch.bfloat16:
        return torch.from_numpy(numpy_helper.to_array(stored).astype(np.float32)).to(dtype)
    return torch.from_numpy(np.array(numpy_helper.to_array(stored)))  # a copy, writable


def _constant(node: Node) -> Tensor:
    for name, dtype in (("float", torch.float32), ("int", torch.int64)):
        for found in (node.get(f"value_{name}"), node.get(f"value_{name}s")):
            if found is not None:
                return torch.tensor(found, dtype=dtype)
    if node.get("value") is None:
        raise unknown("Constant of strings or of sparse values")
    return tensor_of(node["value"])


def _constant_of_shape(node: Node, shape: Tensor) -> Tensor:
    value = node.get("value")
    fill = torch.zeros(1) if value is None else tensor_of(value)
    return fill.reshape(()).expand(shape.tolist()).clone()


def _range(start: Tensor, end: Tensor, step: Tensor) -> Tensor:
    return torch.arange(start.item(), end.item(), step.item(), dtype=start.dtype)


def _cast(node: Node, x: Tensor) -> Tensor:
    return x.to(dtype_of(node["to"]))


def _cast_like(node: Node, x: Tensor, like: Tensor) -> Tensor:
    return x.to(like.dtype)


def _dropout(
    node: Node, x: Tensor, ratio: Tensor | None = None, training: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Nothing is dropped in inference."""
    if training is not None and training.item():
        raise unknown("Dropout in training mode")
    return x, torch.ones_like(x, dtype=torch.bool)


CONSTANTS = {
    "Constant": Operator(_constant, (1, 9, 11, 12, 13, 19, 21, 23, 24, 25)),
    "ConstantOfShape": Operator(_constant_of_shape, (9, 20, 21, 23, 24, 25)),
    "Range": elementwise(_range, 11),
    "Cast": Operator(_cast, (6, 9, 13, 19, 21, 23, 24, 25)),
    "CastLike": Operator(_cast_like, (15, 19, 21, 23, 24, 25)),
    "Identity": elementwise(lambda x: x, 1, 13, 14, 16, 19, 21, 23, 24, 25),
    "Dropout": Operator(_dropout, (7, 10, 12, 13, 22)),
}
