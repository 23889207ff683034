"""`smooth0.1`: the mean prediction under Gaussian noise.

Source: Cohen, Rosenfeld & Kolter 2019, arXiv 1902.02918; mean probability instead of votes as in
Salman et al. 2019, arXiv 1906.04584. Certification is in the evaluation.
"""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from fer_models.defences.base import Defence


@dataclass(frozen=True)
class RandomisedSmoothing(Defence):
    """Add Gaussian noise of the given sigma, pixels in [0, 1]; not clipped, as in the source."""

    sigma: float
    name = "smooth"
    differentiable = True
    random = True

    def __call__(self, images: keras.KerasTensor, rng: np.random.Generator) -> keras.KerasTensor:
        """Noisy images, exact gradient."""
        noise = rng.standard_normal((1, *images.shape[1:])) * self.sigma
        return images + ops.convert_to_tensor(noise.astype(np.float32))
