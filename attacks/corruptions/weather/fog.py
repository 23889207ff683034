"""Fog: bright patches of every size."""

from typing import ClassVar

import numpy as np

from attacks.base import Keys
from attacks.corruptions.base import Corruption
from attacks.corruptions.severity import between

OCTAVES = 5


class Fog(Corruption):
    """Adds a random field and scales back to the image's brightest pixel.

    The field sums octaves of interpolated noise, each finer one weaker by `decays`, as the
    published diamond-square fractal does; its range is [0, 1] in every image.
    """

    name: ClassVar[str] = "fog"
    amounts = between(at_32px=(0.2, 0.5, 0.75, 1.0, 1.5), at_64px=(0.4, 0.7, 1.0, 1.5, 2.0))
    decays = (3.0, 3.0, 2.5, 2.0, 1.75)

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        amount, decay = self.amounts[severity - 1], self.decays[severity - 1]
        fields = np.zeros(images.shape[:3])
        generators = list(keys.generators())
        for octave in range(OCTAVES):
            points = 2 ** (octave + 1) + 1
            grids = np.array([draw.uniform(-1, 1, (points, points)) for draw in generators])
            down, right = (_between_points(size, points) for size in images.shape[1:3])
            fields += decay**-octave * (down @ grids @ right.T)
        fields -= fields.min(axis=(1, 2), keepdims=True)
        fields /= fields.max(axis=(1, 2), keepdims=True)
        brightest = images.max(axis=(1, 2, 3), keepdims=True)
        foggy = (images + amount * fields[..., None]) * brightest / (brightest + amount)
        return np.clip(foggy, 0, 1).astype(np.float32)


def _between_points(size: int, points: int) -> np.ndarray:
    """Linear interpolation from `points` to `size` places of the same length, (size, points)."""
    places = np.linspace(0, points - 1, size)
    return np.maximum(1 - np.abs(places[:, None] - np.arange(points)), 0)
