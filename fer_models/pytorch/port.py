"""A Keras functional model as a PyTorch module with the same weights: `port(keras_model)`.

`write_pt2` writes it as a file of `torch.export`, which needs neither Keras nor Deadpan.
"""

from pathlib import Path
from typing import Any, NamedTuple

import keras
import torch
from torch import nn

from fer_models.pytorch.ported_layers import NotPortableError, ported_layer


class _Step(NamedTuple):
    """A call of a module on earlier values; value 0 is the input, step i makes value i + 1."""

    module: str
    values: tuple[int, ...]


class PortedNet(nn.Module):
    """A Keras graph of one input and one output, in evaluation mode.

    Layers keep their names, so Grad-CAM finds them.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__()
        self._steps: list[_Step] = []
        self._known: dict[int, int] = {id(model.inputs[0]): 0}
        self._last = self._value(model.outputs[0])
        del self._known

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The model's outputs for its inputs, channels before rows and columns."""
        values = [images]
        for step in self._steps:
            values.append(self.get_submodule(step.module)(*(values[i] for i in step.values)))
        return values[self._last]

    def _value(self, tensor: keras.KerasTensor) -> int:
        """The number of the value that a tensor of the graph is; adds the steps to it."""
        if id(tensor) in self._known:
            return self._known[id(tensor)]
        layer, node, _ = tensor._keras_history
        before = tuple(self._value(each) for each in layer._inbound_nodes[node].input_tensors)
        name = layer.name.replace(".", "_")
        if name not in self._modules:
            self.add_module(name, _module(layer))
        self._steps.append(_Step(name, before))
        self._known[id(tensor)] = len(self._steps)
        return len(self._steps)


def _module(layer: Any) -> nn.Module:
    return port(layer) if isinstance(layer, keras.Model) else ported_layer(layer)


def port(model: keras.Model) -> PortedNet:
    """The PyTorch module that answers like a Keras model.

    Args:
        model: functional, one image in (N, H, W, C), one output.

    Returns:
        In evaluation mode; takes (N, C, H, W).

    Raises:
        NotPortableError: a layer, or a setting of it, is not known.
    """
    if len(getattr(model, "inputs", None) or ()) != 1 or len(model.outputs) != 1:
        raise NotPortableError("not one input and one output")
    return PortedNet(model).eval()


def write_pt2(model: keras.Model, path: Path) -> None:
    """Write a Keras model as an exported PyTorch program, for batches of any size.

    Args:
        model: see `port`; of a fixed size.
        path: file ending in `.pt2`; images (N, C, H, W) in, the model's outputs out.

    Raises:
        NotPortableError: see `port`.
    """
    height, width, channels = model.input_shape[1:]
    example = (torch.zeros(2, channels, height, width),)
    batch = {0: torch.export.Dim("batch")}
    torch.export.save(torch.export.export(port(model), example, dynamic_shapes=(batch,)), path)
