"""A linear net in numpy, sets by hand, and attacks that do what a test says: no net is attacked."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from attacks.base import AttackResult, Cost, Keys
from attacks.registry import attack_spec
from attacks.sets.contents import AdversarialSet, SetHeader
from attacks.threat_model import Norm
from datasets.labels import LabelScheme
from fer_models.classifier import Classifier, DifferentiableClassifier, Pullback

SHAPE = (4, 4, 1)
THREE = LabelScheme("three", ("one", "two", "three"))
WEIGHTS = np.random.default_rng(1).standard_normal((16, 3)).astype(np.float32)


class LinearNet(DifferentiableClassifier):
    """Pixels times weights."""

    def __init__(self, weights: np.ndarray = WEIGHTS) -> None:
        self.id, self.scheme, self.weights_sha256 = "linear", THREE, "none"
        self._weights = weights

    def attacked_logits(self, images: np.ndarray) -> np.ndarray:
        return self._batch_logits(images)

    def pullback(self, images: np.ndarray) -> Pullback:
        back = self._weights.T
        return Pullback(self._batch_logits(images), lambda c: (c @ back).reshape(images.shape))

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        answers: np.ndarray = images.reshape(len(images), -1) @ self._weights
        return answers


def set_of(
    smallest_eps: list[float] | np.ndarray,
    grid: tuple[float, ...] = (0.1, 0.2),
    norm: Norm = Norm.LINF,
    name: str = "pgd",
    **options: Any,
) -> AdversarialSet:
    """A set whose rows are 100, 101, ...; their labels count 0, 1, 2 and again."""
    count = len(smallest_eps)
    spec = attack_spec(name, norm, grid, "fer", seed=7, **options)
    header = SetHeader("key", spec, "linear", THREE.classes, "none", count, SHAPE)
    nothing = np.zeros(count, np.int64)
    return AdversarialSet(
        header=header,
        row_ids=np.arange(count) + 100,
        labels=np.arange(count) % 3,
        images=np.zeros((0, *SHAPE), np.float32),
        forward=nothing,
        backward=nothing,
        zero_gradients=nothing,
        by_answers=nothing,
        seconds=np.zeros(len(grid)),
        smallest_eps=np.array(smallest_eps, np.float64),
        image_rows=np.zeros(0, np.int64),
    )


def faces_of(made: AdversarialSet, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """Clean images: each one has the grey of its row, a thousandth per row."""
    greys = made.row_ids.astype(np.float32) / 1000
    return np.broadcast_to(greys[:, None, None, None], (len(greys), *shape)).copy()


@dataclass
class Asked:
    """One attack that was asked for.

    Attributes:
        name: of the attack.
        norm: its norm.
        eps: its eps.
        options: its options.
        classifier: the attacked model.
        rows: row ids of the faces.
        labels: labels of the faces.
        seed: of the draws.
    """

    name: str
    norm: Norm
    eps: float
    options: dict[str, Any]
    classifier: Classifier
    rows: np.ndarray
    labels: np.ndarray
    seed: int


@dataclass
class Script:
    """In place of `make_attack`: breaks the faces that `breaks` says, and keeps what was asked.

    Its images are the clean ones times `left`, which is what is left of every lead of `LinearNet`.
    """

    breaks: Callable[[Asked], np.ndarray] = lambda asked: np.ones(len(asked.rows), bool)
    left: Callable[[Asked], np.ndarray] = lambda asked: np.ones(len(asked.rows))
    asked: list[Asked] = field(default_factory=list)

    def make_attack(
        self, name: str, norm: Norm, eps: float, options: dict[str, Any]
    ) -> Callable[..., AttackResult]:
        def attack(
            classifier: Classifier, images: np.ndarray, labels: np.ndarray, keys: Keys
        ) -> AttackResult:
            greys = keys.row_ids.astype(np.float32) / 1000
            assert len(images) == len(labels) == len(greys)
            assert (images == greys[:, None, None, None]).all(), "the faces of these rows"
            asked = Asked(name, norm, eps, options, classifier, keys.row_ids, labels, keys.seed)
            self.asked.append(asked)
            attacked = images * self.left(asked)[:, None, None, None].astype(np.float32)
            return AttackResult(attacked, self.breaks(asked), Cost.zeros(len(images)))

        return attack
