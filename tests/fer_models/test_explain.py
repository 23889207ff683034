"""Grad-CAM finds the part of the image that decides; grids show every map."""

import keras
import numpy as np
import pytest

from datasets.labels import LabelScheme
from fer_models.classifier import KerasClassifier, wrap
from fer_models.contract import Contract
from fer_models.explain import activation_grid, default_layer, grad_cam, map_layers, overlay

SIZE = 16


def striped_images(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise with one striped patch anywhere: vertical stripes are class 0, horizontal class 1."""
    rng = np.random.default_rng(seed)
    images = 0.5 + 0.05 * rng.standard_normal((count, SIZE, SIZE, 1))
    labels = np.arange(count) % 2
    stripes = np.where(np.arange(5) % 2, 0.9, 0.1)
    for image, label in zip(images, labels):
        top, left = rng.integers(0, SIZE - 5, 2)
        patch = stripes[None, :] if label == 0 else stripes[:, None]
        image[top : top + 5, left : left + 5, 0] = patch
    return np.clip(images, 0, 1).astype(np.float32), labels


@pytest.fixture(scope="module")
def trained() -> KerasClassifier:
    keras.utils.set_random_seed(0)
    images = keras.Input((SIZE, SIZE, 1))
    x = keras.layers.Rescaling(2, -1)(images)
    x = keras.layers.Conv2D(8, 3, activation="relu", padding="same", name="first")(x)
    x = keras.layers.Conv2D(8, 3, activation="relu", padding="same", name="second")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(images, keras.layers.Dense(2)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss=loss, jit_compile=False)
    model.fit(*striped_images(128, 0), batch_size=16, epochs=8, verbose=0)
    return wrap(model, Contract(SIZE, SIZE, 1, LabelScheme("s", ("vertical", "horizontal"))))


def hidden(images: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    covered = images.copy()
    for image, row, column in zip(covered, rows, columns):
        image[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3] = 0.5
    return covered


def test_hiding_the_top_region_moves_the_logit_more_than_a_random_one(
    trained: KerasClassifier,
) -> None:
    images, labels = striped_images(40, 1)
    assert (trained.predict(images) == labels).mean() > 0.9
    heat = grad_cam(trained, images, labels)
    top = np.unravel_index(heat.reshape(40, -1).argmax(axis=1), (SIZE, SIZE))
    anywhere = np.random.default_rng(2).integers(0, SIZE, (2, 40))
    rows = np.arange(40)
    before = trained.logits(images)[rows, labels]
    by_top = before - trained.logits(hidden(images, *top))[rows, labels]
    by_chance = before - trained.logits(hidden(images, *anywhere))[rows, labels]
    assert by_top.mean() > 2 * max(0, by_chance.mean())
    assert (by_top > by_chance).mean() > 0.7


def test_maps_are_like_their_images(trained: KerasClassifier) -> None:
    images, _ = striped_images(3, 3)
    heat = grad_cam(trained, images)
    assert heat.shape == (3, SIZE, SIZE)
    assert heat.dtype == np.float32
    assert heat.min() >= 0
    np.testing.assert_allclose(heat.max(axis=(1, 2)), 1, atol=1e-6)
    picture = overlay(images[0], heat[0])
    assert picture.shape == (SIZE, SIZE, 3)
    assert picture.dtype == np.uint8
    still = overlay(images[0], np.zeros((SIZE, SIZE), np.float32))
    np.testing.assert_array_equal(still[..., 0], np.round(255 * images[0, ..., 0]))


def test_weights_are_the_mean_gradient(trained: KerasClassifier) -> None:
    # Behind global average pooling the gradient of logit k to every place of map f is
    # kernel[f, k] / (h w), so Grad-CAM is the class activation map relu(sum_f kernel A).
    images, labels = striped_images(2, 4)
    features = keras.Model(trained.model.inputs, trained.model.get_layer("second").output)
    kernel = np.asarray(trained.model.layers[-1].kernel)
    expected = np.maximum(np.einsum("nhwf,fn->nhw", features(images), kernel[:, labels]), 0)
    expected /= expected.max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(grad_cam(trained, images, labels, "second"), expected, atol=1e-4)


def test_grid_shows_every_map(trained: KerasClassifier) -> None:
    images, _ = striped_images(1, 5)
    grid = activation_grid(trained, images[0], "first", columns=3)
    assert grid.shape == (3 * 17 - 1, 3 * 17 - 1)  # 8 maps of 16x16 in 3 rows, 1 pixel between
    assert np.isnan(grid[34:, 34:]).all()  # the ninth place stays empty
    assert np.nanmin(grid) == 0
    assert np.nanmax(grid) == 1


def test_layers_without_maps_are_refused(trained: KerasClassifier) -> None:
    assert map_layers(trained)[1:] == ["first", "second"]
    assert default_layer(trained) == "second"
    with pytest.raises(ValueError, match=r"`layer` must be one of .*first, second"):
        grad_cam(trained, striped_images(1, 0)[0], layer="dense")
