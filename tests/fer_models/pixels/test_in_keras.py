"""Steps on pixels: values against OpenCV and TensorFlow, and their gradients."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
import tensorflow as tf

from datasets.labels import FER7
from fer_models.contract import Contract, PixelStep, Resampling
from fer_models.pixels.in_keras import apply_step, fit_to_contract
from fer_models.pixels.in_numpy import fitted_images


@pytest.fixture
def faces() -> np.ndarray:
    """float32 (5, 12, 10, 3), multiples of 1/255; the last one constant."""
    levels = np.random.default_rng(0).integers(30, 180, (5, 12, 10, 3))
    levels[4] = 77
    return (levels / 255).astype(np.float32)


def test_equalisation_is_that_of_opencv(faces: np.ndarray) -> None:
    found = np.asarray(apply_step(PixelStep.EQUALISE, tf.constant(faces)))
    for image, equalised in zip(faces, found):
        for channel in range(3):
            levels = np.round(255 * image[..., channel]).astype(np.uint8)
            expected = cv2.equalizeHist(levels)
            np.testing.assert_allclose(255 * equalised[..., channel], expected, atol=1e-3)


def _by_torch(images: np.ndarray, contract: Contract) -> np.ndarray:
    torch = pytest.importorskip("torch")
    from fer_models.pytorch.pixels import fit_to_contract as fit_by_torch

    found = fit_by_torch(torch.tensor(images).permute(0, 3, 1, 2), contract)
    return np.asarray(found.permute(0, 2, 3, 1))


@pytest.mark.parametrize(
    "fitted",
    [
        lambda images, contract: np.asarray(fit_to_contract(tf.constant(images), contract)),
        fitted_images,
        _by_torch,
    ],
    ids=["keras", "numpy", "torch"],
)
def test_pixels_that_cubic_resampling_overshoots_are_equalised_as_opencv_does(
    fitted: Callable[[np.ndarray, Contract], np.ndarray],
) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (4, 12, 10, 1))
    images = (levels / 255).astype(np.float32)
    resized = Contract(31, 24, 1, FER7, resampling=Resampling.BICUBIC)
    beyond = fitted_images(images, resized)
    assert beyond.min() < -0.1 and beyond.max() > 1.1
    found = fitted(images, replace(resized, steps=(PixelStep.EQUALISE,)))
    for image, equalised in zip(beyond, found):
        expected = cv2.equalizeHist(np.rint(255 * image[..., 0].clip(0, 1)).astype(np.uint8))
        np.testing.assert_allclose(255 * equalised[..., 0], expected, atol=2)  # halves round apart


def test_equalisation_passes_gradients_straight_through(faces: np.ndarray) -> None:
    images = tf.constant(faces)

    @tf.function
    def gradient() -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = tf.reduce_sum(3 * apply_step(PixelStep.EQUALISE, images))
        return tape.gradient(total, images)

    np.testing.assert_array_equal(gradient(), np.full_like(faces, 3))


def test_standardisation_is_that_of_tensorflow(faces: np.ndarray) -> None:
    found = apply_step(PixelStep.STANDARDISE, tf.constant(faces))
    expected = tf.image.per_image_standardization(255 * faces)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert not np.any(np.abs(found[4]) > 1e-2), "a constant image becomes 0"


def test_steps_come_before_the_scaling(faces: np.ndarray) -> None:
    """Blue, green, red of 0 to 255 minus their means: what VGG and ResNet-50 of Keras expect."""
    means = (103.939, 116.779, 123.68)
    contract = Contract(12, 10, 3, FER7, high=255, mean=means, steps=(PixelStep.BGR,))
    expected = 255 * faces[..., ::-1] - np.array(means, np.float32)
    np.testing.assert_allclose(fit_to_contract(tf.constant(faces), contract), expected, atol=1e-4)
