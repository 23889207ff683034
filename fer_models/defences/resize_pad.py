"""`resize_pad6`: random shrinking, then random zero padding back to the size.

Source: Xie et al. 2018, "Mitigating adversarial effects through randomization", arXiv 1711.01991;
they enlarge and pad, but a classifier of fixed size would shrink that again.
"""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from fer_models.defences.base import Defence


@dataclass(frozen=True)
class ResizePad(Defence):
    """Shrink by 0 to `pixels` pixels of a 48-pixel face and place it anywhere on black."""

    pixels: int
    name = "resize_pad"
    differentiable = True
    random = True

    def __call__(self, images: keras.KerasTensor, rng: np.random.Generator) -> keras.KerasTensor:
        """Shrunk and padded images, exact gradient."""
        height, width = images.shape[1:3]
        share = rng.uniform(0, self.pixels / 48)
        rows, columns = (max(1, round(side * (1 - share))) for side in (height, width))
        top, left = rng.integers(0, height - rows + 1), rng.integers(0, width - columns + 1)
        x = ops.image.resize(images, (rows, columns), interpolation="bilinear")
        pad = [(0, 0), (top, height - rows - top), (left, width - columns - left), (0, 0)]
        return ops.pad(x, [(int(before), int(after)) for before, after in pad])
