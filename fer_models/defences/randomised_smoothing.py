"""`smooth0.1`: the mean prediction under Gaussian noise.

Source: Cohen, Rosenfeld & Kolter 2019, arXiv 1902.02918; mean probability instead of votes as in
Salman et al. 2019, arXiv 1906.04584. Certification is in the evaluation.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import keras
import numpy as np
from keras import ops

from fer_models.defences.base import Defence, generator

STRIDE = 7919
"""Pixels by which an attacker's noise moves from one number of draws to the next."""


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

    def attacked_views(
        self, images: keras.KerasTensor, draws: range, number: keras.KerasTensor
    ) -> Iterator[keras.KerasTensor]:
        """Noisy images; one long row of noise is read from another place for each number."""
        shape = tuple(images.shape[1:])
        row = self.sigma * _noise(shape, draws)
        places = ops.arange(row.size, dtype="int32") + STRIDE * number
        moved = ops.take(ops.convert_to_tensor(row), places % row.size)
        for noise in ops.split(ops.reshape(moved, (len(draws), *shape)), len(draws)):
            yield images + noise


@lru_cache(maxsize=4)
def _noise(shape: tuple[int, ...], draws: range) -> np.ndarray:
    """Standard normal noise of several draws, one after the other, float32 (draws * H * W * C,)."""
    noise = [generator(draw).standard_normal(shape).astype(np.float32) for draw in draws]
    return np.concatenate(noise, axis=None)
