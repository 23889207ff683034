"""Small ONNX graphs for the tests of this room."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_TYPES: dict[type, int] = {np.float32: TensorProto.FLOAT, np.float64: TensorProto.DOUBLE}


def graph_of(
    kind: str,
    shape: tuple[int, ...],
    others: tuple[np.ndarray | None, ...] = (),
    opset: int = 13,
    number: type = np.float32,
    outputs: int = 1,
    place: int = 0,
    **attributes: Any,
) -> onnx.ModelProto:
    """A graph of one operator, whose first output is that of the graph.

    Args:
        kind: name of the operator.
        shape: of the graph's input.
        others: further inputs, constants; None for one that is left out.
        opset: of the model.
        number: numpy's type of the floating-point numbers.
        outputs: how many the operator has.
        place: of the graph's input among those of the operator.
        attributes: of the operator; None for one that is left out.
    """
    names = [f"c{i}" if value is not None else "" for i, value in enumerate(others)]
    stored = [
        numpy_helper.from_array(value.astype(number) if value.dtype.kind == "f" else value, name)
        for value, name in zip(others, names)
        if value is not None
    ]
    inputs = [*names[:place], "x", *names[place:]]
    wanted = [f"y{i}" for i in range(outputs)]
    given = {name: value for name, value in attributes.items() if value is not None}
    return model_of([helper.make_node(kind, inputs, wanted, **given)], shape, stored, opset, number)


def model_of(
    nodes: list[onnx.NodeProto],
    shape: tuple[int | str, ...],
    stored: list[onnx.TensorProto] = [],  # noqa: B006
    opset: int = 13,
    number: type = np.float32,
) -> onnx.ModelProto:
    """A model of the input `x`, whose output is the first of the last node."""
    last = nodes[-1].output[0]
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", _TYPES[number], shape)],
        [onnx.ValueInfoProto(name=last)],
        stored,
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8 if opset < 19 else 10
    )
