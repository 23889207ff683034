"""Attacks of the Adversarial Robustness Toolbox (ART), as ours: the one file that imports it.

ART only searches. What it finds is brought into [0, 1], and our classifier says whether it is
broken. Attacks that look for a small perturbation keep an image only where it is broken within eps,
and leave the others clean; the rest is projected on the ball. ART's loops ask our compiled
classifier, and whatever ART draws hangs on the row (on the batch for universal attacks).

ART is optional: `pip install "deadpan[art]"`.
"""

import random
import warnings
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import cache
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np
from scipy.special import softmax

from attacks.base import STOP_LEAD, Attack, Cost, Keys, broken
from attacks.threat_model import Norm, distance, project
from datasets.base.errors import InputError
from fer_models.classifier import Classifier, DifferentiableClassifier
from fer_models.losses import Loss

STRETCHES = (1.0, 1.001, 1.01, 1.05)
"""ART stops on the boundary itself, where rounding decides; so perturbations may grow a little."""
SMALLEST = 1e-6
"""Changes of a pixel below this are rounding (ART's pixel attack computes in 0 to 255)."""
STARTS = 60
"""Random images among which decision attacks look for a wrong one to start from."""
BISECTIONS = 10
LARGEST = 1e6
"""What a setting without a limit of its own may be; far above, ART's float32 overflows."""


@dataclass(frozen=True, kw_only=True)
class ArtAttack(Attack):
    """An attack whose search is ART's. Numbers among its settings lie within `limits`."""

    together: ClassVar[bool] = True
    """All images in one call; else one by one, each with its own draws."""
    limits: ClassVar[dict[str, tuple[float, float]]] = {}
    """Least and largest value of a setting, where it is not just more than 0, at most `LARGEST`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if find_spec("art") is None:
            raise InputError(f'{self.name} needs ART: pip install "deadpan[art]".')
        for setting in fields(self):
            value = getattr(self, setting.name)
            least, largest = self.limits.get(setting.name, (0.0, LARGEST))
            if not isinstance(setting.default, int | float):
                continue
            if not (value > 0 and least <= value <= largest):
                above = f"at least {least:g}" if least else "more than 0"
                raise InputError(
                    f"`{setting.name}` must be {above} and at most {largest:g} for {self.name}; "
                    f"got {value}."
                )

    def _attack(
        self, classifier: Classifier, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> tuple[np.ndarray, Cost]:
        attacked, cost = images.copy(), Cost.zeros(len(images))
        cost.forward[:] = 1
        active = np.flatnonzero(~broken(classifier.logits(images), labels, STOP_LEAD))
        groups = [active] if self.together else list(active[:, None])
        for rows in groups if len(active) else []:
            spent = Spent()
            estimator = _estimator_type()(classifier, images.shape[1:], spent)
            draws = keys.take(rows)
            with _seeded(draws.generator(0)):
                found = self._search(estimator, images[rows], labels[rows], draws)
            attacked[rows] = self._settle(classifier, found, images[rows], labels[rows], spent)
            cost.add(rows, spent.share(len(rows)))
        return attacked, cost

    @abstractmethod
    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        """What ART finds for images that stand, float (N, H, W, C)."""

    def _settle(
        self,
        classifier: Classifier,
        found: np.ndarray,
        clean: np.ndarray,
        labels: np.ndarray,
        spent: "Spent",
    ) -> np.ndarray:
        """Bring what was found into range and budget, float32 (N, H, W, C)."""
        change = np.clip(found, 0, 1) - clean.astype(np.float64)
        change[np.abs(change) < SMALLEST] = 0
        if not self.minimal:
            return project(clean + change, clean, self.eps, self.norm)
        kept, left = clean.copy(), np.ones(len(clean), bool)
        for stretch in STRETCHES:
            tried = np.clip(clean + stretch * change, 0, 1).astype(np.float32)
            left &= distance(tried, clean, self.norm) <= self.eps
            if not left.any():
                break
            spent.forward += len(tried)
            now = left & broken(classifier.logits(tried), labels, STOP_LEAD)
            kept[now] = tried[now]
            left &= ~now
        return kept


@dataclass
class Spent:
    """Images that passed forward and backward through the net, in one call of ART."""

    forward: int = 0
    backward: int = 0
    zero_gradients: int = 0

    def share(self, count: int) -> Cost:
        """Cost of each of `count` images, rounded up."""
        totals = (self.forward, self.backward, self.zero_gradients)
        return Cost(*(np.full(count, -(-total // count), np.int64) for total in totals))


@dataclass(frozen=True, kw_only=True)
class DeepFool(ArtAttack):
    """Steps to the nearest boundary of the linearised net.

    Source: Moosavi-Dezfooli et al. 2016, arXiv 1511.04599, algorithm 2.
    """

    steps: int = 50
    overshoot: float = 0.02

    name: ClassVar[str] = "deepfool"
    norms: ClassVar[tuple[Norm, ...]] = (Norm.L2,)
    needs_gradients: ClassVar[bool] = True
    minimal: ClassVar[bool] = True

    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        from art.attacks.evasion import DeepFool as Search

        search = Search(
            estimator,
            max_iter=self.steps,
            epsilon=self.overshoot,
            nb_grads=estimator.nb_classes,
            batch_size=len(images),
            verbose=False,
        )
        return search.generate(images, _one_hot(labels, estimator))


@dataclass(frozen=True, kw_only=True)
class CarliniWagnerL2(ArtAttack):
    """Carlini & Wagner's L2 attack: distance plus margin, its weight by bisection.

    Source: Carlini & Wagner 2017, arXiv 1608.04644, section VI.
    """

    steps: int = 10
    searches: int = 10

    name: ClassVar[str] = "cw_l2"
    norms: ClassVar[tuple[Norm, ...]] = (Norm.L2,)
    needs_gradients: ClassVar[bool] = True
    minimal: ClassVar[bool] = True

    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        from art.attacks.evasion import CarliniL2Method

        search = CarliniL2Method(
            estimator,
            max_iter=self.steps,
            binary_search_steps=self.searches,
            batch_size=len(images),
            verbose=False,
        )
        return search.generate(images, _one_hot(labels, estimator))


@dataclass(frozen=True, kw_only=True)
class CarliniWagnerLinf(ArtAttack):
    """Carlini & Wagner's Linf attack: only what exceeds a shrinking threshold is punished.

    Source: Carlini & Wagner 2017, arXiv 1608.04644, section VI.C.
    """

    steps: int = 10
    smallest_weight: float = 0.01
    largest_weight: float = 20.0

    name: ClassVar[str] = "cw_linf"
    norms: ClassVar[tuple[Norm, ...]] = (Norm.LINF,)
    needs_gradients: ClassVar[bool] = True
    minimal: ClassVar[bool] = True
    together: ClassVar[bool] = False

    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        from art.attacks.evasion import CarliniLInfMethod

        search = CarliniLInfMethod(
            estimator,
            max_iter=self.steps,
            initial_const=self.smallest_weight,
            largest_const=self.largest_weight,
            verbose=False,
        )
        return search.generate(images, _one_hot(labels, estimator))


@dataclass(frozen=True, kw_only=True)
class ElasticNet(ArtAttack):
    """EAD: L1 plus a little L2 plus margin, so few pixels change.

    Source: Chen et al. 2018, arXiv 1709.04114, algorithm 1, L1 decision rule.
    """

    steps: int = 100
    searches: int = 9
    beta: float = 1e-3

    name: ClassVar[str] = "elastic_net"
    norms: ClassVar[tuple[Norm, ...]] = (Norm.L1,)
    needs_gradients: ClassVar[bool] = True
    minimal: ClassVar[bool] = True

    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        from art.attacks.evasion import ElasticNet as Search

        search = Search(
            estimator,
            max_iter=self.steps,
            binary_search_steps=self.searches,
            beta=self.beta,
            decision_rule="L1",
            batch_size=len(images),
            verbose=False,
        )
        return search.generate(images, _one_hot(labels, estimator))


@dataclass(frozen=True, kw_only=True)
class JSMA(ArtAttack):
    """Saliency map attack: brightens two pixels at a time towards the likeliest other class.

    Source: Papernot et al. 2016, arXiv 1511.07528, algorithm 2.

    Attributes:
        step: added to a pixel at a time.
        share: of the pixels that may change.
    """

    step: float = 0.1
    share: float = 0.2

    name: ClassVar[str] = "jsma"
    norms: ClassVar[tuple[Norm, ...]] = (Norm.L1,)
    needs_gradients: ClassVar[bool] = True
    minimal: ClassVar[bool] = True
    limits: ClassVar[dict[str, tuple[float, float]]] = {"step": (0, 1), "share": (0, 1)}

    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        from art.attacks.evasion import SaliencyMapMethod

        logits = estimator.predict(images)
        logits[np.arange(len(labels)), labels] = -np.inf
        search = SaliencyMapMethod(
            estimator, theta=self.step, gamma=self.share, batch_size=len(images), verbose=False
        )
        return search.generate(images, _one_hot(logits.argmax(axis=1), estimator))


@dataclass(frozen=True, kw_only=True)
class HopSkipJump(ArtAttack):
    """Decision attack: estimates the boundary's normal from answers, then steps and bisects.

    Source: Chen et al. 2020, arXiv 1904.02144, algorithm 2. ART stops beyond the boundary, after
    its last step; the bisection that ends the algorithm is ours.

    Attributes:
        steps: along the boundary.
        queries: for the normal at the first step; they grow with the square root of the step.
    """

    steps: int = 20
    queries: int = 100

    name: ClassVar[str] = "hop_skip_jump"
    by_answers: ClassVar[bool] = True
    minimal: ClassVar[bool] = True
    together: ClassVar[bool] = False
    limits: ClassVar[dict[str, tuple[float, float]]] = {"queries": (0, 10_000)}

    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        from art.attacks.evasion import HopSkipJump as Search

        start = _start(estimator, images, labels, self.norm)
        if start is None:
            return images
        search = Search(
            estimator,
            norm=_art_norm(self.norm),
            max_iter=self.steps,
            init_eval=self.queries,
            verbose=False,
        )
        found = search.generate(images, _one_hot(labels, estimator), x_adv_init=start)
        return _nearer(estimator, images, np.clip(found, 0, 1), labels, self.norm)


@dataclass(frozen=True, kw_only=True)
class Boundary(ArtAttack):
    """Decision attack: a random walk along the boundary towards the clean image.

    Source: Brendel et al. 2018, arXiv 1712.04248, algorithm 1.
    """

    steps: int = 500

    name: ClassVar[str] = "boundary"
    norms: ClassVar[tuple[Norm, ...]] = (Norm.L2,)
    by_answers: ClassVar[bool] = True
    minimal: ClassVar[bool] = True
    together: ClassVar[bool] = False

    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        from art.attacks.evasion import BoundaryAttack

        start = _start(estimator, images, labels, self.norm)
        if start is None:
            return images
        search = BoundaryAttack(estimator, targeted=False, max_iter=self.steps, verbose=False)
        return search.generate(images, _one_hot(labels, estimator), x_adv_init=start)


@dataclass(frozen=True, kw_only=True)
class SimBA(ArtAttack):
    """Score attack: adds or takes `step` from one random pixel after the other while it helps.

    Source: Guo et al. 2019, arXiv 1905.07121, algorithm 1, pixel basis.
    """

    steps: int = 1000
    step: float = 0.2

    name: ClassVar[str] = "simba"
    norms: ClassVar[tuple[Norm, ...]] = (Norm.L2,)
    by_answers: ClassVar[bool] = True
    minimal: ClassVar[bool] = True
    together: ClassVar[bool] = False

    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        from art.attacks.evasion import SimBA as Search

        estimator.gives_probabilities = True
        search = Search(
            estimator, attack="px", max_iter=self.steps, epsilon=self.step, verbose=False
        )
        return search.generate(images.copy(), _one_hot(labels, estimator))


@dataclass(frozen=True, kw_only=True)
class ZOO(ArtAttack):
    """Score attack: Carlini & Wagner's loss with gradients from finite differences.

    Source: Chen et al. 2017, arXiv 1708.03999, algorithm 2; whole resolution, random coordinates.

    Attributes:
        steps: of the optimiser, for each weight of the margin.
        searches: weights tried.
        pixels: differentiated at a step, two queries each.
        learning_rate: of the optimiser.
        weight: of the margin at first.
    """

    steps: int = 200
    searches: int = 3
    pixels: int = 128
    learning_rate: float = 0.1
    weight: float = 1.0

    name: ClassVar[str] = "zoo"
    norms: ClassVar[tuple[Norm, ...]] = (Norm.L2,)
    by_answers: ClassVar[bool] = True
    minimal: ClassVar[bool] = True
    together: ClassVar[bool] = False

    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        from art.attacks.evasion import ZooAttack

        search = ZooAttack(
            estimator,
            max_iter=self.steps,
            binary_search_steps=self.searches,
            nb_parallel=min(self.pixels, images[0].size),
            learning_rate=self.learning_rate,
            initial_const=self.weight,
            use_resize=False,
            use_importance=False,
            verbose=False,
        )
        return search.generate(images, _one_hot(labels, estimator))


@dataclass(frozen=True, kw_only=True)
class OnePixel(ArtAttack):
    """Sets `pixels` pixels to any value, by differential evolution; measured in L1.

    Source: Su et al. 2019, arXiv 1710.08864, section III.
    """

    pixels: int = 1
    steps: int = 30

    name: ClassVar[str] = "one_pixel"
    norms: ClassVar[tuple[Norm, ...]] = (Norm.L1,)
    by_answers: ClassVar[bool] = True
    minimal: ClassVar[bool] = True
    together: ClassVar[bool] = False
    limits: ClassVar[dict[str, tuple[float, float]]] = {"pixels": (0, 1000)}

    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        from art.attacks.evasion import PixelAttack

        search = PixelAttack(estimator, th=self.pixels, es=1, max_iter=self.steps)
        return search.generate(images)  # with labels it refuses two classes


@dataclass(frozen=True, kw_only=True)
class Universal(ArtAttack):
    """One perturbation for a whole batch, from DeepFool's steps; with a target, from FGSM's.

    Source: Moosavi-Dezfooli et al. 2017, arXiv 1610.08401, algorithm 1; with a target Hirano &
    Takemoto 2020, arXiv 1911.06502.

    Attributes:
        passes: over the images.
        steps: of DeepFool for an image that stands.
        target: class that all images are driven to; None for any.
    """

    passes: int = 5
    steps: int = 10
    target: int | None = field(default=None)

    name: ClassVar[str] = "universal"
    needs_gradients: ClassVar[bool] = True
    universal: ClassVar[bool] = True

    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        from art.attacks.evasion import TargetedUniversalPerturbation, UniversalPerturbation

        norm = _art_norm(self.norm)
        limits = {"delta": 0.01, "max_iter": self.passes, "eps": self.eps, "norm": norm}
        if self.target is not None:
            step = {"eps": self.eps / 2, "norm": norm, "targeted": True}
            search = TargetedUniversalPerturbation(estimator, "fgsm", step, **limits)
            aims = np.full(len(labels), _check_target(self.target, estimator))
            return search.generate(images, _one_hot(aims, estimator))
        step = {"max_iter": self.steps, "epsilon": 0.02, "verbose": False}
        step["nb_grads"] = estimator.nb_classes
        search = UniversalPerturbation(estimator, "deepfool", step, verbose=False, **limits)
        return search.generate(images, _one_hot(labels, estimator))


@dataclass(frozen=True, kw_only=True)
class Patch(ArtAttack):
    """One round patch for a whole batch, learnt under random places, sizes and rotations.

    It is put at a random place of each image. eps bounds how far a pixel under it may change, so
    1 is the attack as published.

    Source: Brown et al. 2017, arXiv 1712.09665.

    Attributes:
        size: diameter as a share of the image's side.
        steps: gradients.
        rotation: largest, degrees.
        target: class that all images are driven to; None for any other than their own.
    """

    size: float = 0.4
    steps: int = 50
    rotation: float = 20.0
    target: int | None = field(default=None)

    name: ClassVar[str] = "patch"
    norms: ClassVar[tuple[Norm, ...]] = (Norm.LINF,)
    needs_gradients: ClassVar[bool] = True
    universal: ClassVar[bool] = True
    limits: ClassVar[dict[str, tuple[float, float]]] = {"size": (0.05, 1), "rotation": (0, 180)}

    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        from art.attacks.evasion.adversarial_patch.adversarial_patch_numpy import (
            AdversarialPatchNumpy,
        )

        aims = labels
        estimator.climbs_towards_label = self.target is None
        if self.target is not None:
            aims = np.full(len(labels), _check_target(self.target, estimator))
        search = AdversarialPatchNumpy(
            estimator,
            rotation_max=self.rotation,
            scale_min=0.8 * self.size,
            scale_max=self.size,
            max_iter=self.steps,
            batch_size=len(images),
            verbose=False,
        )
        search.generate(images, _one_hot(aims, estimator))
        patched = []
        for image, draw in zip(images, keys.generators(), strict=True):
            with _seeded(draw):
                patched.append(search.apply_patch(image[None], scale=self.size))
        return np.concatenate(patched)


@dataclass(frozen=True, kw_only=True)
class Spatial(ArtAttack):
    """Worst of a grid of shifts and rotations, for each image.

    The grid limits it, not eps: eps = 1 takes whatever breaks the image.

    Source: Engstrom et al. 2019, arXiv 1712.02779, section 3.

    Attributes:
        shift: largest, percent of the side.
        rotation: largest, degrees.
        grid: values of each shift and of the rotation.
    """

    shift: float = 10.0
    rotation: float = 15.0
    grid: int = 5

    name: ClassVar[str] = "spatial"
    norms: ClassVar[tuple[Norm, ...]] = (Norm.LINF,)
    by_answers: ClassVar[bool] = True
    minimal: ClassVar[bool] = True
    together: ClassVar[bool] = False
    limits: ClassVar[dict[str, tuple[float, float]]] = {"shift": (0, 100), "rotation": (0, 180)}

    def _search(
        self, estimator: Any, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> np.ndarray:
        from art.attacks.evasion import SpatialTransformation

        search = SpatialTransformation(
            estimator,
            max_translation=self.shift,
            num_translations=self.grid,
            max_rotation=self.rotation,
            num_rotations=self.grid,
            verbose=False,
        )
        return search.generate(images, _one_hot(labels, estimator))


ART_ATTACKS: tuple[type[ArtAttack], ...] = (
    DeepFool,
    CarliniWagnerL2,
    CarliniWagnerLinf,
    ElasticNet,
    JSMA,
    HopSkipJump,
    Boundary,
    SimBA,
    ZOO,
    OnePixel,
    Universal,
    Patch,
    Spatial,
)


@cache
def _estimator_type() -> type:
    """What ART takes for its own classifier; made at first use, since its bases are ART's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on what of ART works only with PyTorch
        from art.estimators.classification.classifier import ClassGradientsMixin, ClassifierMixin
        from art.estimators.estimator import BaseEstimator, LossGradientsMixin, NeuralNetworkMixin

    class Estimator(
        ClassGradientsMixin, ClassifierMixin, LossGradientsMixin, NeuralNetworkMixin, BaseEstimator
    ):
        """Our classifier as ART's; images outside [0, 1] are read as clipped."""

        gives_probabilities = False
        climbs_towards_label = False

        def __init__(
            self, classifier: Classifier, shape: tuple[int, int, int], spent: Spent
        ) -> None:
            super().__init__(model=None, clip_values=(0.0, 1.0), channels_first=False)
            self._clip_values = (0.0, 1.0)  # ART made float32 of them, which its patch refuses
            self.nb_classes = classifier.scheme.num_classes
            self._ours, self._shape, self._spent = classifier, shape, spent

        @property
        def input_shape(self) -> tuple[int, int, int]:
            """(H, W, C)."""
            return self._shape

        def predict(self, x: np.ndarray, batch_size: int = 128, **_: Any) -> np.ndarray:
            """Logits float32 (N, K), or probabilities."""
            self._spent.forward += len(x)
            logits = self._ours.logits(_in_range(x))
            return softmax(logits, axis=1) if self.gives_probabilities else logits

        def loss_gradient(self, x: np.ndarray, y: np.ndarray, **_: Any) -> np.ndarray:
            """Of the rescaled cross-entropy with the label; negative to climb towards it."""
            labels = y.argmax(axis=1) if y.ndim == 2 else y
            gradient = (
                self._differentiable()
                .input_gradients(_in_range(x), labels, Loss.SCALED_CROSS_ENTROPY)
                .gradient
            )
            self._count(gradient)
            return -gradient if self.climbs_towards_label else gradient

        def class_gradient(
            self, x: np.ndarray, label: int | np.ndarray | None = None, **_: Any
        ) -> np.ndarray:
            """Of all logits float32 (N, K, H, W, C), or of one of each image (N, 1, H, W, C)."""
            images, gradients = _in_range(x), []
            for k in range(self.nb_classes) if label is None else [label]:
                classes = np.broadcast_to(np.asarray(k, np.int64), len(x))
                gradients.append(self._differentiable().logit_gradients(images, classes))
                self._count(gradients[-1])
            return np.stack(gradients, axis=1)

        def fit(self, *_: Any, **__: Any) -> None:
            """No attack here trains."""
            raise NotImplementedError

        def get_activations(self, *_: Any, **__: Any) -> np.ndarray:
            """No attack here reads layers."""
            raise NotImplementedError

        def _differentiable(self) -> DifferentiableClassifier:
            assert isinstance(self._ours, DifferentiableClassifier)
            return self._ours

        def _count(self, gradient: np.ndarray) -> None:
            self._spent.forward += len(gradient)
            self._spent.backward += len(gradient)
            self._spent.zero_gradients += int((~gradient.any(axis=(1, 2, 3))).sum())

    return Estimator


def _in_range(x: np.ndarray) -> np.ndarray:
    return np.clip(x, 0, 1).astype(np.float32)


def _one_hot(labels: np.ndarray, estimator: Any) -> np.ndarray:
    return np.eye(estimator.nb_classes, dtype=np.float32)[labels]


def _art_norm(norm: Norm) -> float:
    return np.inf if norm is Norm.LINF else 2


def _check_target(target: int, estimator: Any) -> int:
    if not 0 <= target < estimator.nb_classes:
        raise InputError(f"`target` must be in [0, {estimator.nb_classes}); got {target}.")
    return target


def _start(estimator: Any, images: np.ndarray, labels: np.ndarray, norm: Norm) -> np.ndarray | None:
    """A wrong image near one image, float32 (1, H, W, C), or None.

    The nearest that bisection finds on the ways to noise of all coarsenesses. Nets read all noise
    of independent pixels as one class, whose own images would find no start there.
    """
    noise = _noise(images.shape[1:])
    wrong = noise[estimator.predict(noise).argmax(axis=1) != labels[0]]
    if not len(wrong):
        return None
    found = _nearer(estimator, images, wrong, labels, norm)
    return found[[distance(found, images, norm).argmin()]]


def _noise(shape: tuple[int, int, int]) -> np.ndarray:
    """Squares of random colours, from quarters to single pixels, float32 (`STARTS`, H, W, C)."""
    height, width, channels = shape
    noise = []
    for side in np.geomspace(2, max(height, width), STARTS).astype(int):
        squares = np.random.uniform(0, 1, (side, side, channels)).astype(np.float32)
        rows, columns = (np.arange(n) * side // n for n in (height, width))
        noise.append(squares[rows][:, columns])
    return np.stack(noise)


def _nearer(
    estimator: Any, images: np.ndarray, wrong: np.ndarray, labels: np.ndarray, norm: Norm
) -> np.ndarray:
    """The last wrong image on the way from each wrong one to the clean one, float32 (N, H, W, C).

    The way is a line under l2; under linf the change is clipped ever closer, as HopSkipJump's
    authors do (their section 3.2).
    """
    change = wrong - images
    largest = np.abs(change).max(axis=(1, 2, 3), keepdims=True)

    def shrunk(share: np.ndarray) -> np.ndarray:
        bound = share * largest
        return images + (np.clip(change, -bound, bound) if norm is Norm.LINF else share * change)

    right, found = np.zeros_like(largest), np.ones_like(largest)
    for _ in range(BISECTIONS):
        middle = (right + found) / 2
        now = estimator.predict(shrunk(middle)).argmax(axis=1) != labels[0]
        broke = now[:, None, None, None]
        right, found = np.where(broke, right, middle), np.where(broke, middle, found)
    return shrunk(found).astype(np.float32)


@contextmanager
def _seeded(draw: np.random.Generator) -> Iterator[None]:
    """ART draws from the global generators: seed them, and put them back afterwards."""
    states = random.getstate(), np.random.get_state()
    seed = int(draw.integers(2**32))
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
