"""How many images a Keras model takes at once, so that memory does not grow with its layers.

TensorFlow takes memory in steps that double and keeps all of it, so the largest call of a run
decides what every later one finds taken. Smaller calls of large nets are as fast on processors.
"""

from math import prod

import keras

from fer_models.gradients import SIZES

CALL_BYTES = 288e6
"""Most that a call should take. `vgg_small` takes 128 images within it, `xception` 40."""
FEWEST = 8
"""With fewer images large nets spend their time reading weights."""
KEPT = 0.5
"""Share of all outputs that a gradient keeps: TensorFlow computes a convolution together with the
normalisation and activation after it."""
COPIES = 2
"""Copies of the largest output beside them, as another layout needs. 100 images of four large nets
took 0.57 to 0.97 of what is estimated so."""


def images_per_call(model: keras.Model) -> int:
    """As many images as take `CALL_BYTES` for their gradients, one of the sizes of compiled calls.

    Args:
        model: its layers' outputs are counted in float32, those of unknown size as one number.
    """
    if keras.distribution.list_devices("gpu"):
        return SIZES[-1]
    sizes = _sizes(model)
    each = 4 * (KEPT * sum(sizes) + COPIES * max(sizes, default=0))
    return max(size for size in SIZES if size == FEWEST or size * each <= CALL_BYTES)


def _sizes(model: keras.Model) -> list[int]:
    """Numbers in the output of each layer for one image."""
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += _sizes(layer)
            continue
        try:
            outputs = keras.tree.flatten(layer.output)
        except (AttributeError, ValueError):  # used several times, or not in a graph
            continue
        found += [prod(side or 1 for side in output.shape[1:]) for output in outputs]
    return found
