"""The base class of attacks, the keys of their random draws, and what they cost.

A subclass implements one method; the base's `__call__` checks input and output. Not
here: when an image counts as broken (`attacks/broken.py`).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, final

import numpy as np

from attacks.broken import broken
from attacks.threat_model import TOLERANCE, Norm, check_eps, distance
from datasets.base.errors import InputError
from fer_models.classifier import Classifier, DifferentiableClassifier, check_images

BATCH_ROWS = 100
"""Number of images that an attack works on at once, and of rows in a stored chunk."""


class BudgetError(RuntimeError):
    """An attack or corruption returned invalid images: a programming error, never robustness."""


@dataclass(frozen=True, eq=False)
class Keys:
    """What random draws depend on: seed, row and restart, never the batch.

    Attributes:
        seed: seed of the run, at least 0.
        row_ids: int64 (N,), at least 0, row numbers in the source.
        restart: number of the restart.
    """

    seed: int
    row_ids: np.ndarray
    restart: int = 0

    def generator(self, i: int) -> np.random.Generator:
        """Return a new random generator for the i-th image."""
        return np.random.default_rng((self.seed, int(self.row_ids[i]), self.restart))

    def generators(self) -> Iterator[np.random.Generator]:
        """A fresh generator for each image, in order."""
        return (self.generator(i) for i in range(len(self.row_ids)))

    def take(self, rows: np.ndarray | slice) -> "Keys":
        """Keys of the given rows (indices, mask or slice)."""
        return replace(self, row_ids=self.row_ids[rows])

    def with_restart(self, restart: int) -> "Keys":
        """Same rows, different draws."""
        return replace(self, restart=restart)


_NO = np.zeros(1, np.int64)


class Cost(NamedTuple):
    """Cost of an attack per image, int64 (N,) each, without the base class's own checks.

    zero_gradients counts gradients without a single nonzero pixel (R9). by_answers is 1 where an
    attack that has both broke the image by answers alone, after its gradients had failed (R7).
    """

    forward: np.ndarray
    backward: np.ndarray
    zero_gradients: np.ndarray
    by_answers: np.ndarray = _NO

    @classmethod
    def zeros(cls, count: int) -> "Cost":
        """No cost yet for `count` images."""
        return cls(*(np.zeros(count, np.int64) for _ in cls._fields))

    def add(self, rows: np.ndarray | slice, other: "Cost") -> None:
        """Add another cost to the given rows (indices without repeats, mask or slice), in place."""
        for mine, theirs in zip(self, other, strict=True):
            mine[rows] += theirs


class AttackResult(NamedTuple):
    """images float32 (N, H, W, C), success bool (N,): whether broken (see `broken`), cost."""

    images: np.ndarray
    success: np.ndarray
    cost: Cost


@dataclass(frozen=True, kw_only=True)
class Attack(ABC):
    """Finds images near the clean ones that a classifier misclassifies. Fields are its settings.

    Attributes:
        norm: norm of the perturbation.
        eps: largest norm of the perturbation, pixels in [0, 1].
    """

    norm: Norm
    eps: float

    name: ClassVar[str]
    title: ClassVar[str]
    """Name for readers of a report, such as "targeted APGD"."""
    words: ClassVar[str]
    """How it works, in a clause for readers who have not met it: "one step of full size ..."."""
    norms: ClassVar[tuple[Norm, ...]] = (Norm.LINF, Norm.L2)
    needs_gradients: ClassVar[bool] = False
    by_answers: ClassVar[bool] = False
    """Searches, at least in part, with the classifier's logits or labels alone."""
    needs_scores: ClassVar[bool] = False
    """Searches by how large the logits are, which a model that returns labels only does not say."""
    reduced_precision: ClassVar[bool] = False
    """Takes gradients in reduced precision, and confirms in float32 before it stops."""
    minimal: ClassVar[bool] = False
    """Finds small perturbations, not just any within eps: one run at the largest eps is enough."""
    universal: ClassVar[bool] = False
    """Makes one perturbation for all images; in other attacks the images are independent."""

    def __post_init__(self) -> None:
        if self.norm not in self.norms:
            raise InputError(
                f"`norm` must be {' or '.join(self.norms)} for {self.name}; got {self.norm}."
            )
        check_eps(self.eps, self.norm)

    def _check_at_least_one(self, *options: str) -> None:
        """Refuse counts below 1."""
        for option in options:
            if getattr(self, option) < 1:
                raise InputError(f"`{option}` must be at least 1; got {getattr(self, option)}.")

    @final
    def __call__(
        self, classifier: Classifier, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> AttackResult:
        """Attack images in batches of `BATCH_ROWS`.

        Args:
            classifier: the model to attack.
            images: float32 (N, H, W, C) in [0, 1].
            labels: int64 (N,) in [0, K): the class to move away from.
            keys: seed and row ids of the images.

        Returns:
            Images within eps of the given ones; eps = 0 returns them bit for bit.

        Raises:
            InputError: eps, labels, or a classifier without gradients where they are needed.
            ValueError: images of wrong dtype, shape or range.
            ModelError: the model failed, or returned NaN or infinity.
            BudgetError: the attack left its budget.
        """
        self._check_inputs(classifier, images, labels, keys)
        classifier = classifier if self.reduced_precision else classifier.exact
        attacked, cost = images.copy(), Cost.zeros(len(images))
        for start in range(0, len(images) if self.eps > 0 else 0, BATCH_ROWS):
            rows = slice(start, start + BATCH_ROWS)
            attacked[rows], spent = self._attack(
                classifier, images[rows], labels[rows], keys.take(rows)
            )
            cost.add(rows, spent)
        check_output(self.name, attacked)
        longest = distance(attacked, images, self.norm).max(initial=0)
        if longest > self.eps * (1 + TOLERANCE):
            raise BudgetError(f"{self.name}: {self.norm} norm {longest:.9g}, eps {self.eps:.9g}")
        return AttackResult(attacked, broken(classifier.logits(attacked), labels), cost)

    @classmethod
    def lacks(cls, classifier: Classifier) -> str:
        """What the attack needs and the classifier does not give, in words; empty if nothing."""
        if cls.needs_gradients and not isinstance(classifier, DifferentiableClassifier):
            return "the model gives no gradients"
        if cls.needs_scores and classifier.labels_only:
            return "the model returns labels only"
        return ""

    @abstractmethod
    def _attack(
        self, classifier: Classifier, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> tuple[np.ndarray, Cost]:
        """Attack one checked batch (eps > 0); return float32 images of its shape, and the cost."""

    def _check_inputs(
        self, classifier: Classifier, images: np.ndarray, labels: np.ndarray, keys: Keys
    ) -> None:
        check_images(images)
        check_eps(self.eps, self.norm, int(np.prod(images.shape[1:])))
        if self.lacks(classifier) and classifier.labels_only:
            needed = "gradients" if self.needs_gradients else "scores"
            raise InputError(
                f"{self.name} needs {needed} and {classifier.id} returns labels only. "
                "Choose an attack that only asks for labels: hop_skip_jump or boundary."
            )
        if self.lacks(classifier):
            raise InputError(
                f"{self.name} needs gradients and {classifier.id} has none. "
                "Choose an attack that only needs logits."
            )
        if not len(images) == len(labels) == len(keys.row_ids):
            raise ValueError(
                "`images`, `labels` and `keys` must have one row each. "
                f"Received: {len(images)}, {len(labels)}, {len(keys.row_ids)}"
            )
        if not isinstance(labels, np.ndarray) or labels.ndim != 1 or labels.dtype.kind not in "iu":
            found = np.asarray(labels)
            raise InputError(
                "labels must be whole numbers of shape (N,) in a numpy array; got "
                f"{type(labels).__name__}, {found.dtype} {found.shape}. Give one class per image."
            )
        count = classifier.scheme.num_classes
        outside = (labels < 0) | (labels >= count)
        if outside.any():
            row = int(np.flatnonzero(outside)[0])
            raise InputError(
                f"labels must be in [0, {count}) for {classifier.id}; got {labels[row]} for row "
                f"{keys.row_ids[row]}. Leave out rows without a label before attacking."
            )


def check_output(name: str, images: np.ndarray) -> None:
    """Refuse pixels outside [0, 1] or not finite.

    Raises:
        BudgetError: it names the attack or corruption that made them.
    """
    if not (np.isfinite(images).all() and (images >= 0).all() and (images <= 1).all()):
        raise BudgetError(f"{name} returned pixels outside [0, 1] or not finite")
