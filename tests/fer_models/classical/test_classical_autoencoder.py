"""The autoencoder gives faces back, and its exact encoder is its first half."""

import keras
import numpy as np
import pytest

from fer_models.classical.autoencoder import Encoder, fit_autoencoder


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    """128 faces that are bright on one side, by as much as they are dark on the other."""
    rng = np.random.default_rng(0)
    slope = np.linspace(-1, 1, 48)[None, None, :, None] * rng.uniform(-100, 100, (128, 1, 1, 1))
    return (128 + slope + np.zeros((1, 48, 1, 1))).astype(np.uint8)


@pytest.fixture(scope="module")
def autoencoder(faces: np.ndarray) -> keras.Model:
    return fit_autoencoder(faces, code=4, epochs=60, seed=0)


def test_it_gives_back_what_the_mean_face_cannot(
    autoencoder: keras.Model, faces: np.ndarray
) -> None:
    images = faces.astype(np.float32) / 255
    error = np.square(np.asarray(autoencoder(images)) - images).mean()
    assert error < 0.5 * images.var(axis=0).mean()


def test_the_exact_encoder_is_its_first_half(autoencoder: keras.Model, faces: np.ndarray) -> None:
    half = keras.Model(autoencoder.inputs[0], autoencoder.get_layer("code").output)
    codes = Encoder(autoencoder)(faces)
    assert codes.dtype == np.float64
    np.testing.assert_allclose(codes, half(faces.astype(np.float32) / 255), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(Encoder(autoencoder)(faces[:1]), codes[:1], rtol=1e-12)


def test_its_weights_are_those_that_are_stored(autoencoder: keras.Model) -> None:
    for weights in autoencoder.get_weights():
        np.testing.assert_array_equal(weights, weights.astype(np.float16))
