"""`blur0.8`: Gaussian smoothing with a sigma in pixels."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from fer_models.defences.base import Defence


@dataclass(frozen=True)
class GaussianBlur(Defence):
    """Smooth with a Gaussian truncated at three sigma; edges are mirrored."""

    sigma: float
    name = "blur"
    differentiable = True

    def __call__(self, images: keras.KerasTensor, rng: np.random.Generator) -> keras.KerasTensor:
        """Smoothed images, exact gradient."""
        reach = max(1, round(3 * self.sigma))
        weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / self.sigma) ** 2)
        weights = (weights / weights.sum()).astype(np.float32)
        channels = images.shape[-1]
        kernel = np.tile(weights[:, None, None, None], (1, 1, channels, 1))
        x = ops.pad(images, [(0, 0), (reach, reach), (reach, reach), (0, 0)], mode="symmetric")
        x = ops.depthwise_conv(x, ops.convert_to_tensor(kernel))
        return ops.depthwise_conv(x, ops.convert_to_tensor(kernel.transpose(1, 0, 2, 3)))
