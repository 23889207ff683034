"""FGSM: one gradient step of full length."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.base import Cost, Keys
from attacks.gradient_attack import GradientAttack, steepest_step, zero_gradients
from attacks.threat_model import project
from fer_models.classifier import Classifier, DifferentiableClassifier


@dataclass(frozen=True, kw_only=True)
class FGSM(GradientAttack):
    """Fast gradient (sign) method: x + eps * sign(gradient) for linf, along the gradient for l2.

    Source: Goodfellow et al. 2015, "Explaining and harnessing adversarial examples", arXiv
    1412.6572, section 4.
    """

    name: ClassVar[str] = "fgsm"
    title: ClassVar[str] = "FGSM"
    words: ClassVar[str] = "one step of size eps along the sign of the gradient"
    reduced_precision: ClassVar[bool] = True

    def _attack(
        self,
        classifier: Classifier,
        images: np.ndarray,
        labels: np.ndarray,
        keys: Keys,
    ) -> tuple[np.ndarray, Cost]:
        assert isinstance(classifier, DifferentiableClassifier)
        gradient = classifier.input_gradients(images, labels, self.loss).gradient
        moved = images + steepest_step(gradient, self.eps, self.norm)
        ones = np.ones(len(images), np.int64)
        cost = Cost(ones, ones, zero_gradients(gradient))
        return project(moved, images, self.eps, self.norm), cost
