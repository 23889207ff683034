"""Open a SavedModel folder by the first of its endpoints that takes one image batch.

Its gradients are exact.
"""

from dataclasses import replace
from pathlib import Path

import keras

from fer_models.foreign.input_layout import layout_of
from fer_models.foreign.keras_net import keras_net
from fer_models.foreign.raw_model import RawModel

Sides = tuple[int | None, ...]
ENDPOINTS = ("serve", "serving_default")
"""Those that Keras and TensorFlow write."""


def open_saved_model(path: Path, sha256: str) -> RawModel:
    """Open a SavedModel; of several outputs, its contract names one.

    Raises:
        ValueError: none of the usual endpoints takes one input, or it takes no float32 images with
            channels last.
    """
    found = []
    for endpoint in ENDPOINTS:
        try:
            layer = keras.layers.TFSMLayer(str(path), call_endpoint=endpoint)
        except ValueError:
            continue
        inputs = _inputs(layer)
        if len(inputs) == 1:
            raw = keras_net(str(path), layer, sha256)
            return replace(raw, shape=_image_shape(*inputs[0]))
        found.append(f"{endpoint} takes {len(inputs)} inputs")
    raise ValueError(
        f"a SavedModel needs an endpoint {' or '.join(ENDPOINTS)} of one input; "
        f"{' and '.join(found) or 'it has neither'}"
    )


def _inputs(layer: keras.layers.TFSMLayer) -> list[tuple[Sides | None, str]]:
    """Shape of each input of an endpoint, None where the rank is free, and its number format."""
    function = layer.call_endpoint_fn
    first = next(iter(getattr(function, "concrete_functions", None) or [function]))
    tensors = [
        each
        for each in keras.tree.flatten(first.structured_input_signature)
        if hasattr(each, "shape")
    ]  # flags such as `training` have none
    return [
        (None if each.shape.rank is None else tuple(each.shape), each.dtype.name)
        for each in tensors
    ]


def _image_shape(shape: Sides | None, number: str) -> tuple[int, int, int] | None:
    if number != "float32":
        raise ValueError(
            f"its input holds {number}, not float32: export it so that it casts images itself, and "
            'write "high": 255 into its contract where its pixels go from 0 to 255'
        )
    if shape is None:
        return None
    layout = layout_of(shape[1:])
    if len(layout.sides) != 3 or layout.channels_first:
        raise ValueError(
            f"its input is {shape}: export it so that it takes (N, height, width, channels)"
        )
    return layout.shape
