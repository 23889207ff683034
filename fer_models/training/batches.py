"""Batches of a training: rows, shuffled and augmented anew in each epoch."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np

from fer_models.recipe import Recipe
from fer_models.training.augmentation import augment, with_brightness, with_noise
from fer_models.training.augmix import augmix
from fer_models.training.mixing import mixed
from fer_models.training.teacher import Teacher

Batch = tuple[np.ndarray, ...]
"""Images float32 (N, H, W, C) in [0, 1], targets float32 (N, K + J), weights (N,) if any."""


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """Rows to learn from or to select on.

    Attributes:
        images: uint8 (N, H, W, C).
        targets: float32 (N, K), each row a distribution over the classes.
        other_targets: float32 (N, J), the same under the other label set; rows without such a label
            are zero. J is 0 when only one label set is learnt.
    """

    images: np.ndarray
    targets: np.ndarray
    other_targets: np.ndarray

    @property
    def all_targets(self) -> np.ndarray:
        """Both label sets side by side, float32 (N, K + J)."""
        return np.concatenate([self.targets, self.other_targets], axis=1)


class AugmentedBatches:
    """Shuffled, augmented batches of one epoch; the same seed and epoch yield the same batches."""

    def __init__(
        self,
        rows: TrainingRows,
        recipe: Recipe,
        seed: int,
        epoch: int,
        teacher: Teacher | None = None,
    ) -> None:
        self._rows, self._recipe, self.key = rows, recipe.at_epoch(epoch), (seed, epoch)
        self._teacher = teacher
        self._order = np.random.default_rng(self.key).permutation(len(rows.images))
        self._targets = rows.all_targets
        self._class_weights = class_weights(rows.targets) if recipe.class_weights else None

    def __len__(self) -> int:
        return len(self._order) // self._recipe.batch_size

    def __getitem__(self, index: int) -> Batch:
        size = self._recipe.batch_size
        rows = self._order[index * size : (index + 1) * size]
        rng = np.random.default_rng((*self.key, index))
        images, targets = augment(self._rows.images[rows], self._recipe, rng), self._targets[rows]
        images, targets = mixed(images, targets, self._recipe.mixup, self._recipe.cutmix, rng)
        weighed: tuple[np.ndarray, ...] = ()
        if self._class_weights is not None:
            weighed = (targets[:, : len(self._class_weights)] @ self._class_weights,)
        if self._teacher is not None:
            targets = self._teacher.mixed(images, targets)
        if self._recipe.augmix:
            images = augmix(images, rng)
        if self._recipe.brightness:
            images = with_brightness(images, self._recipe.brightness, rng)
        if self._recipe.noise:
            images = with_noise(images, self._recipe.noise, rng)
        return images, targets, *weighed

    def __iter__(self) -> Iterator[Batch]:
        """All batches in order; a thread draws the next while the net learns from one."""
        numbers = iter(range(len(self)))
        with ThreadPoolExecutor(1) as thread:
            coming = [thread.submit(self.__getitem__, index) for index in islice(numbers, 1)]
            while coming:
                batch = coming.pop().result()
                coming += [thread.submit(self.__getitem__, index) for index in islice(numbers, 1)]
                yield batch


def class_weights(targets: np.ndarray) -> np.ndarray:
    """Weight of each class, float32 (K,): N / (K * mass of the class); rare classes weigh more."""
    mass = targets.sum(axis=0)
    return (len(targets) / (targets.shape[1] * np.maximum(mass, 1))).astype(np.float32)
