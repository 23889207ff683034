"""An ONNX graph as a PyTorch module: its nodes in order, each computed by a PyTorch function.

What depends on constants alone is computed once, when the module is built. Not here: what an
operator computes (`fer_models/pytorch/onnx/operators.py`), and reading files.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import onnx
import torch
from onnx import defs, helper, inliner
from torch import Tensor, nn

from fer_models.pytorch.onnx.constants import dtype_of, tensor_of
from fer_models.pytorch.onnx.operator import Function, Node, unknown
from fer_models.pytorch.onnx.operators import OPERATORS
from fer_models.pytorch.onnx.quantisation import round_through

_STANDARD = ("", "ai.onnx")
"""Names of the domain of the standard's own operators."""


class OnnxNet(nn.Module):
    """An output of an ONNX graph of one input, differentiable.

    Images and outputs are floating-point numbers. A graph of integer pixels gets them rounded, with
    the gradient of the identity.
    """

    def __init__(self, model: onnx.ModelProto, output: str = "") -> None:
        """Translate a model.

        Args:
            model: the parsed ONNX file.
            output: name of the output; the first when empty.

        Raises:
            NoTranslationError: an operator, or the way it is used, has no translation.
        """
        super().__init__()
        if model.functions:
            model = inliner.inline_local_functions(model)
        graph = model.graph
        stored = {tensor.name: tensor_of(tensor) for tensor in graph.initializer}
        if graph.sparse_initializer:
            raise unknown("a graph with sparse weights")
        entry = next(value for value in graph.input if value.name not in stored)
        self._input, self._output = entry.name, output or graph.output[0].name
        self._dtype = dtype_of(entry.type.tensor_type.elem_type)
        opsets = {used.domain: used.version for used in model.opset_import}
        steps = [_step(node, opsets) for node in _needed(graph.node, self._output)]
        self._steps = _fold(steps, stored)
        self._drops = _last_uses(self._steps, self._output)
        needed = {self._output, *chain.from_iterable(node.inputs for node, _ in self._steps)}
        self._constants = {name: f"c{i}" for i, name in enumerate(sorted(needed & stored.keys()))}
        for name, place in self._constants.items():
            value = stored[name]
            if value.is_floating_point():
                self.register_parameter(place, nn.Parameter(value, requires_grad=False))
            else:
                self.register_buffer(place, value)

    def forward(self, images: Tensor) -> Tensor:
        """Outputs (N, ...) of images (N, ...), in the layout and scaling of the graph.

        Raises:
            NoTranslationError: a way of using an operator that shows only in what it is given.
        """
        values = {name: getattr(self, place) for name, place in self._constants.items()}
        values[self._input] = self._pixels(images)
        for (node, function), drops in zip(self._steps, self._drops):
            _compute(node, function, values)
            for name in drops:
                del values[name]
        answer: Tensor = values[self._output].to(images.dtype)
        return answer

    def _pixels(self, images: Tensor) -> Tensor:
        if self._dtype.is_floating_point:
            return images.to(self._dtype)
        limits = torch.iinfo(self._dtype)
        return round_through(images).clamp(limits.min, limits.max)


def _needed(nodes: Sequence[onnx.NodeProto], output: str) -> list[onnx.NodeProto]:
    """The nodes, in order, that an output depends on."""
    wanted, found = {output}, []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            found.append(node)
    return found[::-1]


def _step(node: onnx.NodeProto, opsets: dict[str, int]) -> tuple[Node, Function]:
    """A node and its function.

    Raises:
        NoTranslationError: there is none for its definition of this opset.
    """
    if node.domain not in _STANDARD:
        raise unknown(f"{node.op_type} of {node.domain}")
    opset = next(opsets[name] for name in _STANDARD if name in opsets)
    operator = OPERATORS.get(node.op_type)
    missing = unknown(f"{node.op_type} of opset {opset}")
    if operator is None or opset > defs.onnx_opset_version():
        raise missing
    schema = defs.get_schema(node.op_type, opset, "")
    if schema.since_version not in operator.versions:
        raise missing
    attributes: dict[str, Any] = {
        name: _python(helper.get_attribute_value(attribute.default_value))
        for name, attribute in schema.attributes.items()
        if attribute.default_value.type
    }
    for attribute in node.attribute:
        attributes[attribute.name] = _python(helper.get_attribute_value(attribute))
    return Node(
        node.op_type, schema.since_version, attributes, tuple(node.input), tuple(node.output)
    ), operator.function


def _python(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _compute(node: Node, function: Function, values: dict[str, Tensor]) -> None:
    """Compute a node and put its outputs with the other values.

    Raises:
        NoTranslationError: more outputs are wanted than the function gives.
    """
    found = function(node, *(values[name] if name else None for name in node.inputs))
    answers = found if isinstance(found, tuple) else (found,)
    if any(node.outputs[len(answers) :]):
        raise unknown(f"output {len(answers) + 1} of {node.kind}")
    values.update({name: answer for name, answer in zip(node.outputs, answers) if name})


def _fold(
    steps: Sequence[tuple[Node, Function]], stored: dict[str, Tensor]
) -> list[tuple[Node, Function]]:
    """Compute what depends on constants alone into `stored`, and return the other steps."""
    left = []
    for node, function in steps:
        if all(not name or name in stored for name in node.inputs):
            _compute(node, function, stored)
        else:
            left.append((node, function))
    return left


def _last_uses(steps: Sequence[tuple[Node, Function]], output: str) -> list[list[str]]:
    """Names that no step needs after each step."""
    drops: list[list[str]] = []
    needed = {output}
    for node, _ in reversed(steps):
        names = {name for name in (*node.inputs, *node.outputs) if name}
        drops.append(sorted(names - needed))
        needed |= names
    return drops[::-1]
