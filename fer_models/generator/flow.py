"""Rectified flow: what the generator learns, and how faces are drawn from it.

A face x and noise z are joined by a straight line, x_t = (1 - t) z + t x; the network learns its
direction, x - z, and a face is drawn by following the predicted direction from noise.

Source: Liu et al. 2022, arXiv 2209.03003 (rectified flow, eq. 1); Esser et al. 2024,
arXiv 2403.03206, section 3.1 (times from a logit-normal distribution); Ho & Salimans 2022,
arXiv 2207.12598, eq. 6 (classifier-free guidance).
"""

import keras
import numpy as np

from datasets.faceset import FaceSet
from datasets.labels import FER7, FERPLUS8, LabelSet
from datasets.votes import VoteRule, vote_targets

NUM_CONDITIONS = FER7.num_classes + FERPLUS8.num_classes
FORGOTTEN = 0.15
"""Share of the faces that are learnt without their condition, for classifier-free guidance."""


def conditions_of(faces: FaceSet) -> np.ndarray:
    """Conditions of the generator, float32 (N, 15): FER one-hot, then FER+ shares.

    Both, because they disagree on a third of the faces: the votes say how clear an expression is.
    A row without FER+ label has zeros there.
    """
    fer = np.eye(FER7.num_classes, dtype=np.float32)[faces.labels(LabelSet.FER).values]
    if faces.votes is None:
        return np.concatenate([fer, np.zeros((len(fer), FERPLUS8.num_classes), np.float32)], axis=1)
    return np.concatenate([fer, vote_targets(faces.votes, VoteRule.CROSS_ENTROPY)], axis=1)


def to_signal(images: np.ndarray) -> np.ndarray:
    """uint8 (N, H, W, C) to float32 of about the spread of the noise."""
    return images.astype(np.float32) / 63.75 - 2.0


def to_images(signal: np.ndarray) -> np.ndarray:
    """Inverse of `to_signal`, rounded and clipped to uint8."""
    return np.clip(np.rint((signal + 2.0) * 63.75), 0, 255).astype(np.uint8)


class FlowBatches(keras.utils.PyDataset):
    """Shuffled batches ((noisy, times, conditions), velocities); drawn from seed and epoch.

    Args:
        images: uint8 (N, H, W, C).
        conditions: float32 (N, D).
        batch_size: faces per step; the remainder is left for the next epoch.
        seed: seed of the order, mirroring, times and noise.
        first_epoch: number of the first epoch, counted from 0.
    """

    def __init__(
        self,
        images: np.ndarray,
        conditions: np.ndarray,
        batch_size: int,
        seed: int,
        first_epoch: int = 0,
    ) -> None:
        super().__init__()
        self._images, self._conditions = images, conditions
        self._batch_size, self._seed, self._epoch = batch_size, seed, first_epoch
        self._shuffle()

    def _shuffle(self) -> None:
        rng = np.random.default_rng((self._seed, self._epoch))
        self._order = rng.permutation(len(self._images))

    def on_epoch_end(self) -> None:
        """Shuffle again after each epoch."""
        self._epoch += 1
        self._shuffle()

    def __len__(self) -> int:
        return len(self._images) // self._batch_size

    def __getitem__(self, index: int) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        rng = np.random.default_rng((self._seed, self._epoch, index))
        rows = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        faces = to_signal(self._images[rows])
        mirrored = rng.random(len(rows)) < 0.5
        faces[mirrored] = faces[mirrored, :, ::-1]
        noise = rng.standard_normal(faces.shape, dtype=np.float32)
        times = 1 / (1 + np.exp(-rng.standard_normal((len(rows), 1), dtype=np.float32)))
        along = times[:, :, None, None]
        told = rng.random((len(rows), 1)) >= FORGOTTEN
        inputs = ((1 - along) * noise + along * faces, times, self._conditions[rows] * told)
        return inputs, faces - noise


def draw(
    generator: keras.Model,
    conditions: np.ndarray,
    seed: int,
    guidance: float = 2.0,
    steps: int = 30,
    batch_size: int = 256,
) -> np.ndarray:
    """Draw one face per condition; a batch's noise depends on the seed and the batch's index.

    Args:
        generator: trained network of `net.py`.
        conditions: float32 (N, D), rows of `conditions_of`.
        seed: seed of the noise.
        guidance: strength of classifier-free guidance; 1 is none.
        steps: integration steps, by Heun's second-order method.
        batch_size: faces drawn at once.

    Returns:
        uint8 (N, H, W, C).
    """
    shape = generator.inputs[0].shape[1:]
    faces = []
    for start in range(0, len(conditions), batch_size):
        told = conditions[start : start + batch_size]
        rng = np.random.default_rng((seed, start))
        signal = rng.standard_normal((len(told), *shape), np.float32)
        faces.append(to_images(_walk(generator, signal, told, guidance, steps)))
    return np.concatenate(faces)


def _walk(
    generator: keras.Model, signal: np.ndarray, told: np.ndarray, guidance: float, steps: int
) -> np.ndarray:
    """From noise to faces; the last step is of first order, since there is no time beyond 1."""
    for step in range(steps):
        slope = _velocity(generator, signal, step / steps, told, guidance)
        if step + 1 < steps:
            ahead = signal + slope / steps
            slope = (slope + _velocity(generator, ahead, (step + 1) / steps, told, guidance)) / 2
        signal = signal + slope / steps
    return signal


def _velocity(
    generator: keras.Model, signal: np.ndarray, time: float, told: np.ndarray, guidance: float
) -> np.ndarray:
    """Guided velocity; one forward pass computes it with and without the condition."""
    both = [
        np.concatenate([signal, signal]),
        np.full((2 * len(signal), 1), time, np.float32),
        np.concatenate([told, np.zeros_like(told)]),
    ]
    answer = keras.ops.convert_to_numpy(generator.predict_on_batch(both))
    conditional, free = np.split(answer, 2)
    return free + guidance * (conditional - free)
