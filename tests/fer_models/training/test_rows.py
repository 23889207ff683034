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
    assert 43 <= chosen.sum() <= 45  # a tenth of 450, and no group is cut


def test_near_duplicates_are_held_out_together() -> None:
    """Half of the faces are the other half, moved by a pixel, mirrored and darker."""
    faces = np.random.default_rng(0).integers(0, 256, (60, 48, 48, 1)).astype(np.uint8)
    again = (0.8 * np.roll(faces[:, :, ::-1], 1, axis=2)).astype(np.uint8)
    chosen = held_out_tenth(np.concatenate([faces, again]))
    assert chosen.sum() == 12
    np.testing.assert_array_equal(chosen[:60], chosen[60:])


def test_a_group_that_is_too_large_is_learnt_from() -> None:
    """Of 30 faces that are one photograph and 10 others, four of the others are held out."""
    faces = images(11)
    many = np.concatenate([np.repeat(faces[:1], 30, axis=0), faces[1:]])
    chosen = held_out_tenth(many)
    assert chosen.sum() == 4 and not chosen[:30].any()
    twins = np.repeat(faces[:2], [8, 5], axis=0)  # neither fits into a tenth: the smaller one
    np.testing.assert_array_equal(held_out_tenth(twins), np.repeat([False, True], [8, 5]))


def test_one_face_at_least() -> None:
    assert held_out_tenth(images(3)).sum() == 1
