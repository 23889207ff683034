"""Attacks of ART that follow gradients to a small perturbation."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from attacks.art_bridge.base import ArtAttack, one_hot
from attacks.base import Keys
from attacks.threat_model import Norm


@dataclass(frozen=True, kw_only=True)
class GradientArtAttack(ArtAttack):
    """An attack that follows gradients to a small perturbation."""

    needs_gradients: ClassVar[bool] = True
    minimal: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class CarliniWagnerL2(GradientArtAttack):
    """Carlini & Wagner's L2 attack: distance plus margin, whose weight bisection finds.

    Source: Carlini & Wagner 2017, "Towards evaluating the robustness of neural networks", arXiv
    1608.04644, section VI.
    """

    steps: int = 10
    searches: int = 10

    name: ClassVar[str] = "cw_l2"
    title: ClassVar[str] = "Carlini-Wagner L2"
    words: ClassVar[str] = (
        "minimises the L2 size of the change plus a penalty for failing, whose weight it searches"
    )
    norms: ClassVar[tuple[Norm, ...]] = (Norm.L2,)

    def _art(self, estimator: Any, count: int) -> Any:
        from art.attacks.evasion import CarliniL2Method

        return CarliniL2Method(
            estimator,
            max_iter=self.steps,
            binary_search_steps=self.searches,
            batch_size=count,
            verbose=False,
        )


@dataclass(frozen=True, kw_only=True)
class CarliniWagnerLinf(GradientArtAttack):
    """Carlini & Wagner's Linf attack: only what exceeds a shrinking threshold is penalised.

    Source: Carlini & Wagner 2017, "Towards evaluating the robustness of neural networks", arXiv
    1608.04644, section VI.C.
    """

    steps: int = 10
    smallest_weight: float = 0.01
    largest_weight: float = 20.0

    name: ClassVar[str] = "cw_linf"
    title: ClassVar[str] = "Carlini-Wagner L\N{INFINITY}"
    words: ClassVar[str] = (
        "minimises the largest change of a pixel plus a penalty for failing, whose weight it "
        "searches"
    )
    norms: ClassVar[tuple[Norm, ...]] = (Norm.LINF,)
    together: ClassVar[bool] = False

    def _art(self, estimator: Any, count: int) -> Any:
        from art.attacks.evasion import CarliniLInfMethod

        return CarliniLInfMethod(
            estimator,
            max_iter=self.steps,
            initial_const=self.smallest_weight,
            largest_const=self.largest_weight,
            verbose=False,
        )


@dataclass(frozen=True, kw_only=True)
class ElasticNet(GradientArtAttack):
    """EAD: L1 plus a little L2 plus margin, so few pixels change.

    Source: Chen et al. 2018, "EAD: Elastic-net attacks to deep neural networks via adversarial
    examples", arXiv 1709.04114, algorithm 1, L1 decision rule.
    """

    steps: int = 100
    searches: int = 9
    beta: float = 1e-3

    name: ClassVar[str] = "elastic_net"
    title: ClassVar[str] = "elastic net"
    words: ClassVar[str] = (
        "minimises the sum of all changes plus a penalty for failing, so that few pixels change"
    )
    norms: ClassVar[tuple[Norm, ...]] = (Norm.L1,)

    def _art(self, estimator: Any, count: int) -> Any:
        from art.attacks.evasion import ElasticNet as Search

        return Search(
            estimator,
            max_iter=self.steps,
            binary_search_steps=self.searches,
            beta=self.beta,
            decision_rule="L1",
            batch_size=count,
            verbose=False,
        )


@dataclass(frozen=True, kw_only=True)
class JSMA(GradientArtAttack):
    """Saliency map attack: brightens two pixels at a time towards the likeliest other class.

    Source: Papernot et al. 2016, "The limitations of deep learning in adversarial settings", arXiv
    1511.07528, algorithm 2.

    Attributes:
        step: change of a pixel per step.
        share: share of the pixels that may change.
    """

    step: float = 0.1
    share: float = 0.2

    name: ClassVar[str] = "jsma"
    title: ClassVar[str] = "JSMA"
    words: ClassVar[str] = "changes the few pixels that matter most to the prediction"
    norms: ClassVar[tuple[Norm, ...]] = (Norm.L1,)
    limits: ClassVar[dict[str, tuple[float, float]]] = {"step": (0, 1), "share": (0, 1)}

    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        logits = estimator.predict(images)
        logits[np.arange(len(labels)), labels] = -np.inf
        aims = one_hot(logits.argmax(axis=1), estimator)
        return self._art(estimator, len(images)).generate(images, aims)

    def _art(self, estimator: Any, count: int) -> Any:
        from art.attacks.evasion import SaliencyMapMethod

        return SaliencyMapMethod(
            estimator, theta=self.step, gamma=self.share, batch_size=count, verbose=False
        )
