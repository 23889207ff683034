"""The held-out tenth: the same faces in every training, equal faces always together."""

import numpy as np

from fer_models.training.rows import held_out_tenth


def images(count: int = 200) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 6, 6, 1)).astype(np.uint8)


def test_a_tenth_whatever_the_order() -> None:
    faces = images()
    chosen = held_out_tenth(faces)
    assert chosen.sum() == 20
    order = np.random.default_rng(1).permutation(200)
    np.testing.assert_array_equal(held_out_tenth(faces[order]), chosen[order])


def test_equal_faces_are_held_out_together() -> None:
    faces = images()
    twice = np.concatenate([faces, faces, faces[:50]])
    chosen = held_out_tenth(twice)
    np.testing.assert_array_equal(chosen[:200], chosen[200:400])
    np.testing.assert_array_equal(chosen[:50], chosen[400:])
    assert 45 <= chosen.sum() <= 47  # a tenth of 450, and no group is cut


def test_one_face_at_least() -> None:
    assert held_out_tenth(images(3)).sum() == 1
