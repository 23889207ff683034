"""Random noise of the attack's size: the baseline that no attack may lose to (R8)."""

from typing import ClassVar

import numpy as np

from attacks.base import Attack, Cost, Keys
from attacks.threat_model import Norm, project
from fer_models.classifier import Classifier


class Noise(Attack):
    """One draw an image: random signs times eps (linf), a random direction of length eps (l2)."""

    name: ClassVar[str] = "noise"

    def _attack(
        self, classifier: Classifier, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> tuple[np.ndarray, Cost]:
        shape = images.shape[1:]
        if self.norm is Norm.LINF:
            draws = [draw.choice((-self.eps, self.eps), shape) for draw in keys.generators()]
        else:
            normal = [draw.standard_normal(shape) for draw in keys.generators()]
            draws = [self.eps * draw / np.linalg.norm(draw) for draw in normal]
        noisy = project(images + np.array(draws), images, self.eps, self.norm)
        return noisy, Cost.zeros(len(images))
