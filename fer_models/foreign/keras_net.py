"""A Keras net, from a file or code, as an opened model; its last softmax is removed."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np

from fer_models.backend import require_tensorflow
from fer_models.classifier import ModelError
from fer_models.foreign.input_layout import layout_of, require_one
from fer_models.foreign.raw_model import RawModel, failed, has_steps, outputs_of
from fer_models.softmax import strip_softmax


def keras_net(name: str, net: keras.Layer, sha256: str) -> RawModel:
    """Take a Keras model or layer of one input.

    One whose steps are known to its code only has no size yet: see `with_steps`.

    Raises:
        InputError: Keras has another backend than TensorFlow.
        ValueError: more inputs.
    """
    require_tensorflow()
    if has_steps(net):
        require_one(len(net.inputs))
        several = len(net.outputs) > 1  # a Sequential has one output, and no names of outputs
        names = _output_names(net) if several else ()
        # Keras warns where such a net is called without the dictionary; a Sequential has no `input`
        # before it was called
        if not isinstance(net, keras.Sequential) and isinstance(net.input, dict):
            net = keras.Model(net.inputs[0], net.output, name=net.name)
        raw = _of_steps(name, _of_images(_of_floats(net)), sha256, names)
        limits = _limits(net)
        return replace(raw, limits=limits, step=float(limits is not None))

    def call(images: np.ndarray) -> Any:
        return keras.tree.map_structure(np.asarray, net(images, training=False))

    return RawModel(name, call, None, net, sha256)


def with_steps(raw: RawModel, net: keras.Layer, size: tuple[int, int, int]) -> RawModel:
    """The same model with its steps known, from its input to its outputs.

    Args:
        raw: result of `keras_net`.
        net: its net.
        size: (h, w, c) of the images.

    Raises:
        ModelError: the net takes no such images.
    """
    images = keras.Input(size)
    try:
        answer = net(images)
    except (Exception, SystemExit) as error:  # whatever the code of others does
        raise ModelError(failed(raw.name, (1, *size), error)) from error
    named = outputs_of(answer)
    outputs = list(named.values()) or [answer]
    model = keras.Model(images, outputs if len(outputs) > 1 else outputs[0])
    return _of_steps(raw.name, model, raw.sha256, tuple(named))


def _output_names(net: keras.Model) -> tuple[str, ...]:
    """The keys of the dictionary that a net answers, else the names of the layers that end it."""
    if not isinstance(net.output, dict):
        return tuple(map(str, net.output_names))
    return tuple(".".join(map(str, path)) for path, _ in keras.tree.flatten_with_path(net.output))


def _of_images(net: keras.Model) -> keras.Model:
    """The same net of images (N, h, w, c), however its input holds them; see `layout_of`."""
    layout = layout_of(net.input_shape[1:])
    is_so = len(layout.sides) == 3 and not layout.channels_first
    if is_so or layout.shape is None:
        return net
    images = keras.Input(layout.shape)
    first = layout.channels_first
    arrange = keras.layers.Permute((3, 1, 2)) if first else keras.layers.Reshape(layout.sides)
    return keras.Model(images, net(arrange(images)), name=net.name)


def _limits(net: keras.Model) -> tuple[float, float] | None:
    """Smallest and largest value of an input of whole numbers; None for others."""
    number = str(net.inputs[0].dtype)
    if "int" not in number:
        return None
    return float(np.iinfo(number).min), float(np.iinfo(number).max)


def _of_floats(net: keras.Model) -> keras.Model:
    """The same net of float32 images, rounded and clipped where its input holds whole numbers."""
    if (limits := _limits(net)) is None:
        return net
    images = keras.Input(net.input_shape[1:])
    whole = keras.ops.cast(keras.ops.clip(keras.ops.round(images), *limits), net.inputs[0].dtype)
    return keras.Model(images, net(whole), name=net.name)


def _of_steps(name: str, net: keras.Model, sha256: str, names: tuple[str, ...]) -> RawModel:
    several = len(net.outputs) > 1  # then the softmax is removed of the one that is chosen
    net, removed = (net, False) if several else strip_softmax(net)
    outputs = net.outputs if several else net.outputs[0]
    model = keras.Model(net.inputs[0], outputs, name=net.name)
    shape = tuple(model.input_shape[1:])
    known = shape if len(shape) == 3 and None not in shape else None

    def call(images: np.ndarray) -> np.ndarray:
        return np.asarray(model(images, training=False))

    return RawModel(name, call, known, model, sha256, removed, names if several else ())
