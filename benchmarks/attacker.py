"""What the benchmark runs: (images, labels) -> attacked images; our attacks also count passes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from attacks.base import Attack, Keys
from fer_models.classifier import Classifier

Attacker = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From images float32 (N, H, W, C) and labels int64 (N,) to attacked images."""


@dataclass
class OwnAttacker:
    """One of our attacks on a classifier.

    Attributes:
        attack: the attack.
        classifier: the attacked model.
        forward: passes forward so far, of all images.
        backward: passes back.
    """

    attack: Attack
    classifier: Classifier
    forward: int = 0
    backward: int = 0

    def __call__(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Attack images."""
        found = self.attack(self.classifier, images, labels, Keys(0, np.arange(len(images))))
        self.forward += int(found.cost.forward.sum())
        self.backward += int(found.cost.backward.sum())
        return found.images
