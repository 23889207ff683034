"""Multiply-adds of one image through a Keras model, counted layer by layer from its graph.

Convolutions and dense layers only, as papers count them: normalisation, activations, pooling and
additions are left out. PyTorch's own counter does the same for its modules.
"""

from math import prod

import keras
from keras import layers


def multiply_adds(model: keras.Model) -> int:
    """Multiplications of convolutions and dense layers for one image of the model's input shape.

    Raises:
        ValueError: a layer holds a kernel that this does not know how to count.
    """
    return sum(_of_layer(layer) for layer in model.layers)


def _of_layer(layer: keras.layers.Layer) -> int:
    if isinstance(layer, keras.Model):
        return multiply_adds(layer)
    if isinstance(layer, layers.Dense):
        return prod(layer.input.shape[1:]) * layer.units
    if isinstance(layer, layers.SeparableConv2D):
        places, channels = prod(_map(layer.output)[:2]), _map(layer.input)[2]
        deep = channels * layer.depth_multiplier
        return places * deep * (prod(layer.kernel_size) + layer.filters)
    if isinstance(layer, layers.DepthwiseConv2D):
        return prod(_map(layer.output)) * prod(layer.kernel_size)
    if isinstance(layer, layers.Conv2D):
        seen = prod(layer.kernel_size) * _map(layer.input)[2] // layer.groups
        return prod(_map(layer.output)) * seen
    if any("kernel" in weight.path.split("/")[-1] for weight in layer.weights):
        raise ValueError(
            "`model` must have convolutions and dense layers only. "
            f"Received: {layer.name}, a {type(layer).__name__}"
        )
    return 0


def _map(tensor: keras.KerasTensor) -> tuple[int, int, int]:
    """Height, width and channels of a layer's input or output."""
    height, width, channels = tensor.shape[1:]
    return height, width, channels
