"""Whether a graph was saved in training mode, with dropout and batch statistics as its steps.

Such a graph answers at random or by the other images of a batch, and nothing can switch that off.
"""

from collections.abc import Iterator
from pathlib import Path

import torch

from datasets.base.errors import InputError

_ADVICE = (
    "{}: must be saved in evaluation mode; it drops out or trains. {} it after net.eval(); batch "
    "normalisation needs its averages (track_running_stats=True), or it trains in any mode."
)
_STEPS = {"aten::dropout": 2, "aten::feature_dropout": 2, "aten::batch_norm": 5}
"""Steps of TorchScript, and which of their inputs says that they train."""


def refuse_trained_export(program: torch.export.ExportedProgram, path: Path) -> None:
    """Refuse a graph of `torch.export` that trains.

    Raises:
        InputError: a step trains.
    """
    if any(_trains(node) for node in _nodes(program)):
        raise InputError(_ADVICE.format(path, "Export"))


def refuse_trained_script(script: torch.jit.ScriptModule, path: Path) -> None:
    """Refuse a traced TorchScript that trains; a scripted one obeys `eval()`.

    Raises:
        InputError: a step trains.
    """
    graph = script.inlined_graph  # holds its nodes
    for kind, place in _STEPS.items():
        for node in graph.findAllNodes(kind):
            inputs = list(node.inputs())
            drops = kind == "aten::batch_norm" or inputs[1].toIValue() != 0
            if inputs[place].toIValue() is True and drops:
                raise InputError(_ADVICE.format(path, "Trace"))


def _nodes(program: torch.export.ExportedProgram) -> Iterator[torch.fx.Node]:
    for module in program.graph_module.modules():
        if isinstance(module, torch.fx.GraphModule):
            yield from module.graph.nodes


def _trains(node: torch.fx.Node) -> bool:
    if not isinstance(node.target, torch._ops.OpOverload):
        return False
    given = {}
    for place, argument in enumerate(node.target._schema.arguments):
        value = node.args[place] if place < len(node.args) else argument.default_value
        given[argument.name] = node.kwargs.get(argument.name, value)
    drops = given.get("p", 1) != 0
    return bool(given.get("training") or (given.get("train") and drops) or given.get("dropout_p"))
