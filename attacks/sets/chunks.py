"""A chunk of a set: what is done to its faces, on whatever machine, apart from where it is kept.

What comes out depends on the chunk alone: on its faces, labels, seed and model, never on the chunks
before it or on the process. Not here: making sets of chunks (`attacks/sets/sweep.py`).
"""

import time
from dataclasses import dataclass
from typing import Self

import numpy as np

from attacks.base import Cost, Keys
from attacks.corruptions.base import check_severity
from attacks.registry import ATTACKS, CORRUPTIONS, make_attack
from attacks.sets.contents import AdversarialSet, AttackedSet
from attacks.sets.first_gradients import begun
from attacks.sets.spec import AnySpec, AttackSpec, CorruptionSpec
from attacks.threat_model import distance
from fer_models.classifier import Classifier

Arrays = dict[str, np.ndarray]
"""Arrays of a chunk by name, see `attacks/sets/contents.py`."""


@dataclass(frozen=True, eq=False)
class Known:
    """Faces of a chunk that were attacked before, away from the same class, and their outcome.

    Attributes:
        places: int64 (M,), which faces of the chunk.
        smallest_eps: float64 (M,), see `AdversarialSet`; empty for a transfer set.
        image_places: int64 (B,), faces of the chunk that have an image.
        images: float32 (B, H, W, C).
        cost: of the M faces.
    """

    places: np.ndarray
    smallest_eps: np.ndarray
    image_places: np.ndarray
    images: np.ndarray
    cost: Cost

    @classmethod
    def of(cls, before: AttackedSet, row_ids: np.ndarray, labels: np.ndarray) -> Self:
        """The faces of a chunk that a set under other labels attacked away from the same class.

        Args:
            before: the set.
            row_ids: int64 (N,), faces of the chunk.
            labels: int64 (N,), attacked labels.
        """
        _, here, there = np.intersect1d(
            row_ids, before.row_ids, assume_unique=True, return_indices=True
        )
        same = labels[here] == before.labels[there]
        known, there = here[same], there[same]
        if not isinstance(before, AdversarialSet):
            nothing = np.empty(0)
            return cls(known, nothing, known, before.images[there], before.cost(there))
        fell = np.isin(there, before.image_rows)
        images = before.images[np.searchsorted(before.image_rows, there[fell])]
        return cls(known, before.smallest_eps[there], known[fell], images, before.cost(there))


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some faces of a set, and what is done to them.

    Attributes:
        spec: attack or corruption over its whole grid.
        row_ids: int64 (N,), the faces, on which random draws depend.
        labels: int64 (N,), attacked labels; None for a corruption.
        transfer_set: whether every image is kept, at the one eps of the grid.
        known: faces that need not be attacked again.
        predicted: int64 (N,), classes that the model predicts for the clean images; None to ask it.
    """

    spec: AnySpec
    row_ids: np.ndarray
    labels: np.ndarray | None = None
    transfer_set: bool = False
    known: Known | None = None
    predicted: np.ndarray | None = None

    def make(self, classifier: Classifier | None, images: np.ndarray) -> Arrays:
        """Attack or corrupt the faces.

        Args:
            classifier: the attacked model; None for a corruption.
            images: float32 (N, H, W, C), the clean images.
        """
        keys = Keys(self.spec.seed, self.row_ids)
        if isinstance(self.spec, CorruptionSpec):
            return _corrupt(images, keys, self.spec)
        assert classifier is not None and self.labels is not None
        if self.transfer_set:
            return _attack_all(begun(classifier), images, self.labels, keys, self.spec, self.known)
        predicted = classifier.predict(images) if self.predicted is None else self.predicted
        right = predicted == self.labels
        return _sweep(begun(classifier), images, self.labels, keys, self.spec, self.known, right)


def _begin(images: np.ndarray, known: Known | None) -> tuple[np.ndarray, Cost, np.ndarray]:
    """Images, their cost and the places that need no attack, before any is attacked."""
    attacked, cost = images.copy(), Cost.zeros(len(images))
    if known is None:
        return attacked, cost, np.empty(0, np.int64)
    attacked[known.image_places] = known.images
    cost.add(known.places, known.cost)
    return attacked, cost, known.places


def _sweep(
    classifier: Classifier,
    images: np.ndarray,
    labels: np.ndarray,
    keys: Keys,
    spec: AttackSpec,
    known: Known | None,
    right: np.ndarray,
) -> Arrays:
    """Arrays of an `AdversarialSet`; `right` tells which clean images are classified correctly."""
    smallest_eps = np.where(right, np.nan, 0.0)
    attacked, cost, done = _begin(images, known)
    if known:
        smallest_eps[done] = known.smallest_eps
    seconds = np.zeros(len(spec.grid))
    grid, last = np.array(spec.grid), len(spec.grid) - 1
    minimal = ATTACKS[spec.perturbation].minimal
    for e in range(last if minimal else 0, last + 1):
        start, eps = time.perf_counter(), spec.grid[e]
        active = np.setdiff1d(np.flatnonzero(np.isnan(smallest_eps)), done)
        attack = make_attack(spec.perturbation, spec.norm, eps, spec.options)
        result = attack(classifier, images[active], labels[active], keys.take(active))
        fallen = active[result.success]
        attacked[fallen] = result.images[result.success]
        if minimal:
            sizes = distance(attacked[fallen], images[fallen], spec.norm)
            smallest_eps[fallen] = grid[np.minimum(np.searchsorted(grid, sizes), last)]
        else:
            smallest_eps[fallen] = eps
        cost.add(active, result.cost)
        seconds[e] = time.perf_counter() - start
    image_rows = np.flatnonzero(smallest_eps > 0)
    return {
        "row_ids": keys.row_ids,
        "labels": labels,
        "smallest_eps": smallest_eps,
        "images": attacked[image_rows],
        "image_rows": image_rows,
        **cost._asdict(),
        "seconds": seconds,
    }


def _attack_all(
    classifier: Classifier,
    images: np.ndarray,
    labels: np.ndarray,
    keys: Keys,
    spec: AttackSpec,
    known: Known | None,
) -> Arrays:
    """Arrays of a `TransferSet`."""
    start = time.perf_counter()
    attack = make_attack(spec.perturbation, spec.norm, spec.grid[0], spec.options)
    attacked, cost, done = _begin(images, known)
    rest = np.setdiff1d(np.arange(len(labels)), done)
    result = attack(classifier, images[rest], labels[rest], keys.take(rest))
    attacked[rest] = result.images
    cost.add(rest, result.cost)
    return {
        "row_ids": keys.row_ids,
        "labels": labels,
        "images": attacked,
        **cost._asdict(),
        "seconds": np.array([time.perf_counter() - start]),
    }


def _corrupt(images: np.ndarray, keys: Keys, spec: CorruptionSpec) -> Arrays:
    """Arrays of a `CorruptedSet`."""
    corruption = CORRUPTIONS[spec.perturbation]()
    views, seconds = [], []
    for severity in spec.grid:
        check_severity(int(severity))
        start = time.perf_counter()
        views.append(corruption(images, int(severity), keys))
        seconds.append(time.perf_counter() - start)
    return {
        "row_ids": keys.row_ids,
        "images": np.stack(views, axis=1),
        "seconds": np.array(seconds),
    }
