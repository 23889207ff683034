"""The running average of a net's weights, with batch normalisation that fits it.

Batch normalisation's moving statistics are those of the current weights. Under averaged weights
activations have other means and variances, early in a training so much that the net answers one
class only; so the statistics are estimated again, on training batches.

Source: Izmailov et al. 2018, "Averaging weights leads to wider optima and better generalization",
arXiv 1803.05407, section 3.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import keras
import numpy as np
from keras.ops import convert_to_numpy


@contextmanager
def averaged(model: keras.Model, batches: Iterable[np.ndarray]) -> Iterator[None]:
    """The model with averaged weights if its optimizer keeps an average; as it was afterwards.

    Args:
        model: compiled.
        batches: images float32 (N, H, W, C) in [0, 1] as the net learns from them; drawn from only
            for a net with batch normalisation.
    """
    if not model.optimizer.use_ema:
        yield
        return
    current = [(variable, convert_to_numpy(variable).copy()) for variable in model.variables]
    model.optimizer.finalize_variable_values(model.trainable_variables)
    for variable in model.trainable_variables:
        if variable.constraint is not None:  # Keras averages before it constrains
            variable.assign(variable.constraint(variable))
    estimate_statistics(model, batches)
    try:
        yield
    finally:
        for variable, value in current:
            variable.assign(value)


def estimate_statistics(model: keras.Model, batches: Iterable[np.ndarray]) -> None:
    """Set the moving statistics of batch normalisation to their means over batches.

    Where gamma has a constraint, so have they.
    """
    norms = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]
    momenta = [norm.momentum for norm in norms]
    for count, images in enumerate(batches if norms else ()):
        for norm in norms:
            norm.momentum = count / (count + 1)
        model(images, training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        if norm.gamma_constraint is not None:
            for statistic in (norm.moving_mean, norm.moving_variance):
                statistic.assign(norm.gamma_constraint(statistic))
