"""What an operator of ONNX is here: a node of a graph and the function that computes it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor

from fer_models.classifier import NoTranslationError

Function = Callable[..., Any]
"""Takes the node and its inputs, None for those left out; returns an output or a tuple of them."""


def unknown(part: str) -> NoTranslationError:
    """The error about a part of a graph that is not known, such as `Round of opset 13`."""
    return NoTranslationError(f"{part} is not known")


class Operator(NamedTuple):
    """A translated operator.

    Attributes:
        function: computes it.
        versions: opsets that changed its definition, of those whose definitions the function
            follows. Another definition is not known.
    """

    function: Function
    versions: tuple[int, ...]


@dataclass(frozen=True)
class Node:
    """A node of a graph.

    Attributes:
        kind: name of the operator, such as `Conv`.
        version: opset that defined the operator as the graph uses it.
        attributes: as in the file, with the defaults of the definition.
        inputs: names of its inputs, empty where one is left out.
        outputs: names of its outputs, empty where one is not wanted.
    """

    kind: str
    version: int
    attributes: dict[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def __getitem__(self, attribute: str) -> Any:
        return self.attributes[attribute]

    def get(self, attribute: str) -> Any:
        """An attribute that has no default; None when it is left out."""
        return self.attributes.get(attribute)


def elementwise(function: Callable[..., Tensor], *versions: int) -> Operator:
    """An operator without attributes that a function of its inputs computes."""
    return Operator(lambda node, *inputs: function(*inputs), versions)
