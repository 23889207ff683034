"""Attacks of ART that make one perturbation, or one patch, for a whole batch.

Not here: perturbations that are learnt on some faces and added to others (`attacks/universal.py`).
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from attacks.art_bridge.base import ArtAttack, art_norm, one_hot, seeded
from attacks.base import Keys
from attacks.threat_model import Norm
from datasets.base.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Universal(ArtAttack):
    """One perturbation for a whole batch, from DeepFool's steps; with a target, from FGSM's.

    Source: Moosavi-Dezfooli et al. 2017, "Universal adversarial perturbations", arXiv 1610.08401,
    algorithm 1; with a target Hirano & Takemoto 2020, "Simple iterative method for generating
    targeted universal adversarial perturbations", arXiv 1911.06502.

    Attributes:
        passes: number of passes over the images.
        steps: steps of DeepFool on an image that is still classified correctly.
        target: class that all images are driven to; None for any.
    """

    passes: int = 5
    steps: int = 10
    target: int | None = field(default=None)

    name: ClassVar[str] = "universal"
    title: ClassVar[str] = "universal perturbation"
    words: ClassVar[str] = "one perturbation for all faces"
    needs_gradients: ClassVar[bool] = True
    universal: ClassVar[bool] = True

    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        aims = aimed_at(self.target, labels, estimator)
        return super()._search(estimator, images, aims, keys)

    def _art(self, estimator: Any, count: int) -> Any:
        from art.attacks.evasion import TargetedUniversalPerturbation, UniversalPerturbation

        norm = art_norm(self.norm)
        limits = {"delta": 0.01, "max_iter": self.passes, "eps": self.eps, "norm": norm}
        if self.target is not None:
            step = {"eps": self.eps / 2, "norm": norm, "targeted": True}
            return TargetedUniversalPerturbation(estimator, "fgsm", step, **limits)
        step = {"max_iter": self.steps, "epsilon": 0.02, "verbose": False}
        step["nb_grads"] = estimator.nb_classes
        return UniversalPerturbation(estimator, "deepfool", step, verbose=False, **limits)


@dataclass(frozen=True, kw_only=True)
class Patch(ArtAttack):
    """One round patch for a whole batch, learnt under random places, sizes and rotations.

    It is put at a random place of each image. eps bounds the change of the pixels under it, so
    1 is the attack as published.

    Source: Brown et al. 2017, "Adversarial patch", arXiv 1712.09665.

    Attributes:
        size: diameter as a share of the image's side.
        steps: gradient steps.
        rotation: largest rotation, degrees.
        target: class that all images are driven to; None for any other than their own.
    """

    size: float = 0.4
    steps: int = 50
    rotation: float = 20.0
    target: int | None = field(default=None)

    name: ClassVar[str] = "patch"
    title: ClassVar[str] = "patch"
    words: ClassVar[str] = "one visible patch for all faces, of any colour"
    norms: ClassVar[tuple[Norm, ...]] = (Norm.LINF,)
    needs_gradients: ClassVar[bool] = True
    universal: ClassVar[bool] = True
    limits: ClassVar[dict[str, tuple[float, float]]] = {"size": (0.05, 1), "rotation": (0, 180)}

    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        estimator.climbs_towards_label = self.target is None
        search = self._art(estimator, len(images))
        search.generate(images, one_hot(aimed_at(self.target, labels, estimator), estimator))
        patched = []
        for image, draw in zip(images, keys.generators(), strict=True):
            with seeded(draw):
                patched.append(search.apply_patch(image[None], scale=self.size))
        return np.concatenate(patched)

    def _art(self, estimator: Any, count: int) -> Any:
        from art.attacks.evasion.adversarial_patch.adversarial_patch_numpy import (
            AdversarialPatchNumpy,
        )

        return AdversarialPatchNumpy(
            estimator,
            rotation_max=self.rotation,
            scale_min=0.8 * self.size,
            scale_max=self.size,
            max_iter=self.steps,
            batch_size=count,
            verbose=False,
        )


def aimed_at(target: int | None, labels: np.ndarray, estimator: Any) -> np.ndarray:
    """Class that ART gets for each image, int64 (N,): the target, or its label without one.

    Raises:
        InputError: the classifier has no such class.
    """
    if target is None:
        return labels
    if not 0 <= target < estimator.nb_classes:
        raise InputError(f"`target` must be in [0, {estimator.nb_classes}); got {target}.")
    return np.full(len(labels), target)
