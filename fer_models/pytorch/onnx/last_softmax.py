"""Leave out the final softmax of an ONNX model, so that attacks see its logits (rule R10)."""

import onnx

_HANDED_ON = ("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze")
"""Operators that may stand behind the softmax: they change no value."""


def without_softmax(model: onnx.ModelProto, output: str) -> onnx.ModelProto | None:
    """A copy whose last softmax hands on what it is given; None if an output does not end in one.

    Args:
        model: a whole model.
        output: name of the output whose softmax it is.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    makers = {name: node for node in copy.graph.node for name in node.output}
    wanted = [name for node in copy.graph.node for name in node.input]
    wanted += [entry.name for entry in copy.graph.output if entry.name != output]
    node = makers.get(output)
    while node is not None and node.op_type in _HANDED_ON:
        if node.input[0] in (entry.name for entry in copy.graph.output):
            return None  # an output of its own, which has to keep its softmax
        output, node = node.input[0], makers.get(node.input[0])
        if wanted.count(output) > 1:
            return None
    if node is None or node.op_type != "Softmax" or wanted.count(output) > 1:
        return None
    node.op_type = "Identity"
    del node.attribute[:]
    return copy
