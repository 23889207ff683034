"""Multiply-adds against counts by hand and against TensorFlow's profiler."""

import keras
import pytest
import tensorflow as tf
from keras import layers
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2 as frozen,
)

from fer_models.architectures.registry import architecture
from fer_models.costs.multiply_adds import multiply_adds


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.Conv2D(5, 3, padding="same"), 8 * 8 * 5 * 9 * 4),
        (layers.Conv2D(5, (1, 3)), 8 * 6 * 5 * 3 * 4),
        (layers.Conv2D(6, 3, strides=2, padding="same", groups=2), 4 * 4 * 6 * 9 * 2),
        (layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), 8 * 8 * (4 * 2) * 9),
        # 3x3 on each of 4 channels, then 1x1 from 4 to 5 channels, at 6 x 6 places.
        (layers.SeparableConv2D(5, 3), 6 * 6 * 4 * 9 + 6 * 6 * 4 * 5),
        (layers.Dense(10), 8 * 8 * 4 * 10),
        (layers.BatchNormalization(), 0),
        (layers.MaxPooling2D(2), 0),
    ],
)
def test_layers_by_hand(layer: keras.layers.Layer, expected: int) -> None:
    images = keras.Input((8, 8, 4))
    assert multiply_adds(keras.Model(images, layer(images))) == expected


def test_models_inside_a_model_count() -> None:
    inner_images = keras.Input((8, 8, 4))
    inner = keras.Model(inner_images, layers.Conv2D(5, 1)(inner_images))
    images = keras.Input((8, 8, 4))
    x = layers.Flatten()(inner(images))
    assert multiply_adds(keras.Model(images, layers.Dense(3)(x))) == 64 * 4 * 5 + 64 * 5 * 3


def test_unknown_kernels_are_refused() -> None:
    images = keras.Input((8, 8, 4))
    model = keras.Model(images, layers.Conv2DTranspose(2, 3, name="up")(images))
    with pytest.raises(ValueError, match="Received: up, a Conv2DTranspose"):
        multiply_adds(model)


@pytest.mark.parametrize("name", ["mini_xception", "simple_cnn"])
def test_like_the_profiler_of_tensorflow(name: str) -> None:
    """It counts two operations a multiply-add, and those of additions and pooling besides."""
    build, _ = architecture(name)
    model = build((48, 48, 1), 7)
    spec = tf.TensorSpec((1, 48, 48, 1), tf.float32)
    graph = frozen(tf.function(model).get_concrete_function(spec)).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    node = tf.compat.v1.profiler.profile(graph, options={**options, "output": "none"}, cmd="op")
    operations: dict[str, int] = {}
    while node.children:  # a chain, one kind of operation a node
        (node,) = node.children
        operations[node.name] = node.float_ops
    products = ("Conv2D", "DepthwiseConv2dNative", "MatMul")
    assert 2 * multiply_adds(model) == sum(operations.get(name, 0) for name in products)
