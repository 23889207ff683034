"""Random noise of size eps: the baseline that every attack must beat (R8)."""

from typing import ClassVar

import numpy as np

from attacks.base import Attack, Cost, Keys
from attacks.threat_model import Norm, project
from fer_models.classifier import Classifier

PARTS = 16
"""Number of equal parts of eps that noise under l1 puts on random pixels."""


class Noise(Attack):
    """One draw per image, of length eps; see `random_move`."""

    name: ClassVar[str] = "noise"
    title: ClassVar[str] = "random noise"
    words: ClassVar[str] = (
        "a random change of size eps (in L\N{INFINITY} a random sign for each pixel): the baseline "
        "that every attack must beat"
    )
    norms: ClassVar[tuple[Norm, ...]] = (Norm.LINF, Norm.L2, Norm.L1)

    def _attack(
        self, classifier: Classifier, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> tuple[np.ndarray, Cost]:
        shape = images.shape[1:]
        draws = [random_move(shape, self.eps, self.norm, draw) for draw in keys.generators()]
        noisy = project(images + np.array(draws), images, self.eps, self.norm)
        return noisy, Cost.zeros(len(images))


def random_move(
    shape: tuple[int, ...], eps: float, norm: Norm, draw: np.random.Generator
) -> np.ndarray:
    """A random perturbation of length eps, float64 of the given shape.

    Signs times eps for linf, a direction for l2; for l1 sixteenths of eps, each on a random pixel.
    """
    if norm is Norm.LINF:
        return draw.choice((-eps, eps), shape)
    if norm is Norm.L2:
        normal = draw.standard_normal(shape)
        return eps * normal / np.linalg.norm(normal)
    size = int(np.prod(shape))
    counts = draw.multinomial(PARTS, np.full(size, 1 / size)).reshape(shape)
    return eps / PARTS * counts * draw.choice((-1.0, 1.0), shape)
