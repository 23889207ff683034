"""Remove the final softmax of a Keras model, so that attacks see its logits (rule R10)."""

from typing import Any

import keras


def strip_softmax(model: keras.Model) -> tuple[keras.Model, bool]:
    """Cut a model of one output before its final softmax, and say whether there is one.

    The softmax may be a layer, an operation, the activation of a last dense or activation layer, or
    the end of a model inside the model, whose output may be one of several. The given model is not
    changed; the new one shares its layers, except for a copy of the one whose activation was the
    softmax.
    """
    outputs = getattr(model, "outputs", None)  # a subclassed model has none
    logits = _before_softmax(outputs[0]) if outputs else None
    if logits is None:
        return model, False
    return keras.Model(model.inputs[0], logits, name=model.name), True


def _before_softmax(answer: keras.KerasTensor) -> keras.KerasTensor | None:
    """The input of the softmax that made this tensor; None if something else made it."""
    layer, node, place = answer._keras_history
    given = next(iter(layer._inbound_nodes[node].input_tensors), None)  # none: an input
    if isinstance(layer, keras.Model):
        outputs = getattr(layer, "outputs", None)  # a subclassed model has none
        logits = _before_softmax(outputs[place]) if outputs else None
        inside = layer.inputs[0] if outputs else None
        return None if logits is None else keras.Model(inside, logits, name=layer.name)(given)
    if type(layer).__name__ == "Softmax":  # the layer, or the operation of `keras.ops`
        return given
    ends_in_it = isinstance(layer, keras.layers.Dense | keras.layers.Activation)  # others go on
    if not ends_in_it or layer.activation is not keras.activations.softmax:
        return None
    return _without_activation(layer, given)


def _without_activation(layer: Any, given: keras.KerasTensor) -> keras.KerasTensor:
    """Output of the layer for a tensor, with the same weights and no activation."""
    copy = type(layer).from_config({**layer.get_config(), "activation": "linear"})
    answer = copy(given)
    copy.set_weights(layer.get_weights())
    return answer
