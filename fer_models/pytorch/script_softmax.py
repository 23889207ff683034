"""Leave out the softmax that ends a TorchScript graph, so that attacks see its logits (rule R10).

Not here: softmaxes of modules and of exported graphs (`fer_models/pytorch/softmax.py`).
"""

from typing import Any

import torch

_CLASS_AXES = (1, -1)


class WithoutSoftmax(torch.nn.Module):
    """A TorchScript net up to the softmax that ends it.

    Attributes:
        net: the whole net, which holds the weights.
    """

    def __init__(self, net: torch.jit.ScriptModule, steps: Any, options: list[Any]) -> None:
        """Take the net, and the function that is run instead.

        Its arguments are the net's inner module, images, and the defaults of what else the net
        takes.
        """
        super().__init__()
        self.net, self._steps, self._options = net, steps, options

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """What the softmax is given, (N, K)."""
        logits: torch.Tensor = self._steps(self.net._c, images, *self._options)
        return logits


def without_softmax(net: torch.jit.ScriptModule) -> WithoutSoftmax | None:
    """The net without the softmax over classes that is its last step; None if it ends otherwise.

    Args:
        net: of one input and one output (N, K).
    """
    graph = net.inlined_graph  # a copy
    for simplify in (
        torch._C._jit_pass_constant_propagation,  # `functional.softmax` asks for its own defaults
        torch._C._jit_pass_peephole,
        torch._C._jit_pass_dce,
    ):
        simplify(graph)
    outputs = list(graph.outputs())
    last = outputs[0].node()
    if len(outputs) > 1 or last.kind() != "aten::softmax" or len(outputs[0].uses()) > 1:
        return None
    given, axis, *_ = last.inputs()
    options = net.forward.schema.arguments[2:]  # behind itself and the images
    if axis.toIValue() not in _CLASS_AXES or not all(o.has_default_value() for o in options):
        return None
    outputs[0].replaceAllUsesWith(given)
    torch._C._jit_pass_dce(graph)
    steps = torch._C._create_function_from_graph("without_softmax", graph)
    return WithoutSoftmax(net, steps, [each.default_value for each in options])
