"""The HOG against scikit-image's, which votes for one orientation only, and its gradient."""

import cv2
import numpy as np
import pytest
import tensorflow as tf
from skimage.feature import hog as skimage_hog

from fer_models.architectures.hog_features import hog, hog_cells

FINER = 45
"""scikit-image votes into so many bins for each of ours; shared out linearly they are ours."""


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """float32 (6, 48, 48, 1) in [0, 1]: noise from single pixels to broad blobs."""
    rng = np.random.default_rng(0)
    noise = [cv2.GaussianBlur(rng.random((48, 48)), (0, 0), s) for s in (0.01, 0.5, 1, 2, 3, 5)]
    scaled = [(image - image.min()) / np.ptp(image) for image in noise]
    return np.stack(scaled)[..., None].astype(np.float32)


def total_gradient(image: np.ndarray) -> float:
    across, down = np.zeros_like(image), np.zeros_like(image)
    across[:, 1:-1] = image[:, 2:] - image[:, :-2]
    down[1:-1] = image[2:] - image[:-2]
    return float(np.hypot(across, down).sum())


def cells_by_skimage(image: np.ndarray) -> np.ndarray:
    """Mean votes (6, 6, 8): scikit-image's, with its normalisation undone."""
    shares = skimage_hog(image, 8 * FINER, (8, 8), (6, 6), "L1", feature_vector=False)
    votes = shares.reshape(6, 6, 8, FINER) * (total_gradient(image) / 64 + 1e-5)
    # A fine bin lies between the middles of two of ours and votes for both.
    place = (np.arange(FINER) + 0.5) / FINER - 0.5
    own = (votes * (1 - np.abs(place))).sum(axis=-1)
    to_next = (votes * np.maximum(place, 0)).sum(axis=-1)
    to_last = (votes * np.maximum(-place, 0)).sum(axis=-1)
    return own + np.roll(to_next, 1, axis=-1) + np.roll(to_last, -1, axis=-1)


def test_cells_are_those_of_skimage(images: np.ndarray) -> None:
    expected = np.stack([cells_by_skimage(image[..., 0]) for image in images.astype(np.float64)])
    found = np.asarray(hog_cells(images))
    assert expected.max() > 0.1
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_blocks_resemble_those_of_skimage(images: np.ndarray) -> None:
    """Its votes are hard, so single values differ; the whole descriptor is 97 % the same."""
    found = np.asarray(hog(images)).reshape(len(images), -1)
    expected = np.stack([skimage_hog(i[..., 0], 8, (8, 8), (2, 2), "L2-Hys") for i in images])
    norms = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    assert ((found * expected).sum(axis=1) / norms).min() > 0.97


def test_a_ramp_votes_for_its_own_orientation() -> None:
    # Brightness rises by 0.02 (cos a, sin a) a pixel: neighbours two apart differ by 0.04.
    angle = (3 + 0.5) * np.pi / 8  # the middle of bin 3
    y, x = np.mgrid[:48, :48] - 23.5
    image = (0.5 + 0.01 * (np.cos(angle) * x + np.sin(angle) * y)).astype(np.float32)
    votes = np.asarray(hog_cells(image[None, ..., None]))[0, 1:-1, 1:-1]  # away from the rim
    np.testing.assert_allclose(votes[..., 3], 0.02, atol=2e-4)
    np.testing.assert_allclose(np.delete(votes, 3, axis=-1), 0, atol=2e-4)


def test_contrast_hardly_counts(images: np.ndarray) -> None:
    assert hog(images).shape == (6, 5, 5, 32)
    weak = np.asarray(hog(0.25 + 0.5 * images))
    np.testing.assert_allclose(weak, hog(images), atol=0.02)


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_constant_images_have_no_histogram_and_a_finite_gradient(value: float) -> None:
    images = tf.fill((2, 48, 48, 1), value)
    with tf.GradientTape() as tape:
        tape.watch(images)
        found = hog(images)
    np.testing.assert_array_equal(found, 0)
    assert np.isfinite(tape.gradient(found, images)).all()


def test_gradient_sees_a_gradient_turn() -> None:
    """Hard votes would not change when an edge turns a little."""
    y, x = np.mgrid[:48, :48] - 23.5
    images = tf.constant((0.5 + 0.01 * x + 0.004 * y)[None, ..., None], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(images)
        vote = hog_cells(images)[0, 3, 3, 0]
    gradient = tape.gradient(vote, images).numpy()[0, ..., 0]
    turn = 1e-3 * y  # steeper downwards: the vote moves from bin 0 to bin 1
    ahead = float(hog_cells(images + turn[None, ..., None].astype(np.float32))[0, 3, 3, 0])
    assert ahead - float(vote) == pytest.approx((gradient * turn).sum(), rel=0.1)
    assert ahead < float(vote)
