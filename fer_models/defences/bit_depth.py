"""`bits3`: fewer grey levels (feature squeezing).

Source: Xu, Evans & Qi 2018, arXiv 1704.01155, section III-A.
"""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from fer_models.defences.base import Defence, straight_through


@dataclass(frozen=True)
class BitDepth(Defence):
    """Round pixels to 2**bits levels."""

    bits: int
    name = "bits"
    differentiable = False

    def __call__(self, images: keras.KerasTensor, rng: np.random.Generator) -> keras.KerasTensor:
        """Rounded images; the gradient passes straight through."""
        steps = 2**self.bits - 1
        return straight_through(images, ops.round(images * steps) / steps)
