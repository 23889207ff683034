"""What the generator learns and how faces are drawn, against closed forms."""

from typing import Any

import numpy as np
import pytest

from datasets.faceset import FaceSet, Split
from fer_models.generator.flow import (
    FORGOTTEN,
    NUM_CONDITIONS,
    FlowBatches,
    conditions_of,
    draw,
    to_images,
    to_signal,
)
from fer_models.generator.net import build_generator

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)


class TowardsPoint:
    """The exact velocity when all faces are one: straight to it, (x - x_t) / (1 - t)."""

    def __init__(self, conditional: np.ndarray, free: np.ndarray) -> None:
        self.inputs = [np.empty((1, *conditional.shape))]
        self._conditional, self._free = conditional, free

    def predict_on_batch(self, inputs: list[np.ndarray]) -> np.ndarray:
        noisy, time, told = inputs
        known = told.reshape(len(told), -1, 1, 1).any(axis=1, keepdims=True)
        goal = np.where(known, self._conditional, self._free)
        return (goal - noisy) / (1 - time[:, :, None, None])


def told(count: int) -> np.ndarray:
    return np.eye(NUM_CONDITIONS, dtype=np.float32)[np.arange(count) % 7]


def test_all_grey_levels_come_back() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    assert np.array_equal(to_images(to_signal(levels)), levels)


@pytest.mark.parametrize("steps", [1, 2, 9])
def test_the_walk_ends_where_all_faces_are(steps: int) -> None:
    generator: Any = TowardsPoint(to_signal(IMAGES[0]), to_signal(IMAGES[0]))
    drawn = draw(generator, told(5), seed=3, steps=steps, batch_size=2)
    assert drawn.dtype == np.uint8
    assert np.abs(drawn.astype(int) - IMAGES[0]).max() <= 1


def test_guidance_goes_beyond_the_condition() -> None:
    # Without condition all faces are grey 100, with it 110: guidance 3 aims at 100 + 3 * 10.
    shape = (8, 8, 1)
    generator: Any = TowardsPoint(
        to_signal(np.full(shape, 110, np.uint8)), to_signal(np.full(shape, 100, np.uint8))
    )
    drawn = draw(generator, told(4), seed=0, guidance=3.0, steps=4)
    assert np.abs(drawn.astype(int) - 130).max() <= 1


def test_the_seed_decides_the_faces() -> None:
    generator = build_generator((8, 8, 1), NUM_CONDITIONS, (8, 16))
    first, again, other = (draw(generator, told(3), seed=s, steps=2) for s in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_an_untrained_generator_stands_still() -> None:
    """Its last layer starts at zero."""
    generator = build_generator((8, 8, 1), NUM_CONDITIONS, (8, 16))
    (noisy, times, conditions), _ = FlowBatches(IMAGES, told(40), 8, seed=0)[0]
    velocity = generator.predict_on_batch([noisy, times, conditions])
    assert velocity.shape == (8, 8, 8, 1)
    assert not velocity.any()


def test_the_two_ends_of_the_line_follow_from_a_batch() -> None:
    (noisy, times, _), velocity = FlowBatches(IMAGES, told(40), 40, seed=1)[0]
    along = times[:, :, None, None]
    faces = to_images(noisy + (1 - along) * velocity)
    noise = noisy - along * velocity
    either_way = {image.tobytes() for image in np.concatenate([IMAGES, IMAGES[:, :, ::-1]])}
    assert {face.tobytes() for face in faces} <= either_way
    assert abs(noise.mean()) < 0.1 and abs(noise.std() - 1) < 0.1


def test_an_epoch_has_each_face_once_and_the_next_another_order() -> None:
    # Faces of one grey each: mirroring does not change them.
    images = np.repeat(np.arange(40, dtype=np.uint8), 64).reshape(40, 8, 8, 1) * 6
    batches = FlowBatches(images, told(40), 10, seed=0)

    def order() -> list[int]:
        found = []
        for index in range(len(batches)):
            (noisy, times, _), velocity = batches[index]
            found += to_images(noisy + (1 - times[:, :, None, None]) * velocity)[
                :, 0, 0, 0
            ].tolist()
        return found

    first = order()
    batches.on_epoch_end()
    second = order()
    assert sorted(first) == sorted(second) == images[:, 0, 0, 0].tolist()
    assert first != second
    resumed = FlowBatches(images, told(40), 10, seed=0, first_epoch=1)
    assert np.array_equal(resumed[0][1], batches[0][1])


def test_some_conditions_are_forgotten() -> None:
    images = np.zeros((4000, 2, 2, 1), np.uint8)
    (_, _, conditions), _ = FlowBatches(images, told(4000), 4000, seed=0)[0]
    assert abs((~conditions.any(axis=1)).mean() - FORGOTTEN) < 0.02


def test_conditions_are_the_label_and_the_shares_of_the_votes() -> None:
    votes = np.zeros((2, 10), np.uint8)
    votes[0, [1, 2]] = 6, 4  # happiness 6, surprise 4
    votes[1, 9] = 10  # not a face
    faces = FaceSet(
        "two", Split.TRAINING, IMAGES[:2], np.arange(2), fer=np.array([3, 0]), votes=votes
    )
    assert conditions_of(faces)[0] == pytest.approx([0, 0, 0, 1, 0, 0, 0, 0, 0.6, 0.4, *[0] * 5])
    assert conditions_of(faces)[1].tolist() == [1, *[0] * 14]
