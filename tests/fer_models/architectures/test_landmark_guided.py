"""`hybrid` and `emotional_dan`: gradients through every branch, heat maps, maps to explain."""

import os
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from datasets.faceset import Split
from datasets.labels import FER7
from datasets.read import load as load_faces
from fer_models.architectures.emotional_dan import _around_parts, heat_maps
from fer_models.architectures.landmark_net import pretrained_landmarks
from fer_models.architectures.registry import architecture
from fer_models.contract import Contract
from fer_models.explanations.feature_maps import default_layer, grad_cam
from fer_models.keras_classifier import KerasClassifier, wrap
from fer_models.training.start import start_from
from fer_models.zoo import load, model_ids

NAMES = ("hybrid", "emotional_dan")
SHAPE = (48, 48, 1)


@pytest.fixture(scope="module", params=NAMES)
def model(request: pytest.FixtureRequest) -> keras.Model:
    keras.utils.set_random_seed(0)
    build, _ = architecture(request.param)
    return start_from(build(SHAPE, 7), "")


@pytest.fixture
def faces() -> np.ndarray:
    return np.random.default_rng(0).random((4, *SHAPE), np.float32)


def test_landmarks_start_from_the_shipped_net_and_stay(model: keras.Model) -> None:
    shipped = {layer.name: layer.get_weights() for layer in pretrained_landmarks().layers}
    own = {layer.name: layer for layer in model.layers if layer.name.startswith("landmark_")}
    assert len(own) > 15
    for name, layer in own.items():
        assert not layer.trainable_weights
        for found, expected in zip(layer.get_weights(), shipped.get(name, [])):
            np.testing.assert_array_equal(found, expected)


def test_gradient_reaches_the_image_through_every_branch(
    model: keras.Model, faces: np.ndarray
) -> None:
    """What no gradient reaches would be masked: attacks would be blind to it."""
    meeting = next(layer for layer in model.layers if isinstance(layer, keras.layers.Concatenate))
    assert len(meeting.input) == 3
    images = tf.constant(faces)
    for branch in meeting.input:
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = tf.reduce_sum(keras.Model(model.inputs, branch)(images) ** 2)
        gradient = tape.gradient(total, images).numpy()
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max(axis=(1, 2, 3)).min() > 0


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_constant_images_have_finite_gradients(model: keras.Model, value: float) -> None:
    images = tf.fill((1, *SHAPE), value)
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = model(images)
    assert np.isfinite(tape.gradient(logits, images)).all()


def test_saved_nets_need_no_deadpan(model: keras.Model, faces: np.ndarray, tmp_path: Path) -> None:
    """All is built of Keras' own layers and operations."""
    model.save(tmp_path / "net.keras")
    again = keras.models.load_model(tmp_path / "net.keras", custom_objects={}, safe_mode=True)
    np.testing.assert_allclose(again(faces), model(faces), atol=1e-5)


def test_heat_falls_with_the_distance_to_the_nearest_point() -> None:
    points = np.full((1, 68, 2), 2.0, np.float32)  # all far outside
    points[0, 48] = 10.5 / 48, 20.5 / 48  # one of the mouth, in the middle of column 10, row 20
    points[0, 49] = 10.5 / 48, 30.5 / 48
    heat = np.asarray(heat_maps(points, 48, 48))
    assert heat.shape == (1, 48, 48, 5)
    assert heat[0, 20, 10, 4] == pytest.approx(1, abs=2e-3)
    assert heat[0, 24, 13, 4] == pytest.approx(1 / (1 + 5), abs=1e-4)  # 3 across, 4 down
    assert heat[0, 27, 10, 4] == pytest.approx(1 / (1 + 3), abs=1e-4)  # the second one is nearer
    assert heat[..., :4].max() < 0.05


def test_the_last_map_is_read_around_each_part() -> None:
    heat = np.full((1, 48, 48, 5), 1e-3, np.float32)
    heat[0, 8:16, 16:24, 3] = 1.0  # place (1, 2) of a 6x6 map
    places = np.arange(36, dtype=np.float32).reshape(1, 6, 6, 1)
    parts = np.asarray(_around_parts(places, keras.ops.convert_to_tensor(heat)))
    assert parts.shape == (1, 5)
    # (1 * 8 + 1e-3 (630 - 8)) / (1 + 35e-3), where 0 + ... + 35 = 630
    assert parts[0, 3] == pytest.approx((8 + 0.622) / 1.035, rel=1e-4)
    np.testing.assert_allclose(parts[0, [0, 1, 2, 4]], 17.5, rtol=1e-5)


def test_emotional_dan_is_explained_at_its_last_map(faces: np.ndarray) -> None:
    model = architecture("emotional_dan")[0](SHAPE, 7)
    classifier = wrap(model, Contract(*SHAPE, FER7), model_id="emotional_dan")
    assert model.get_layer(default_layer(classifier)).output.shape == (None, 6, 6, 256)
    heat = grad_cam(classifier, faces)
    assert heat.shape == (4, 48, 48)
    assert heat.max() <= 1


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("DEADPAN_DATA"), reason="needs FER2013: DEADPAN_DATA")
@pytest.mark.skipif("emotional_dan.fer" not in model_ids(), reason="not shipped")
def test_hiding_what_grad_cam_shows_moves_the_logit_more() -> None:
    faces = load_faces(Path(os.environ["DEADPAN_DATA"]), Split.PUBLIC_TEST).limit(200, 0)
    images = faces.images.astype(np.float32) / 255
    classifier = load("emotional_dan.fer")
    assert isinstance(classifier, KerasClassifier)
    classes = classifier.predict(images)
    heat = grad_cam(classifier, images, classes).reshape(200, -1)
    top = np.stack(np.unravel_index(heat.argmax(axis=1), SHAPE[:2]), axis=1)
    anywhere = np.random.default_rng(0).integers(0, 48, (200, 2))
    rows = np.arange(200)
    before = classifier.logits(images)[rows, classes]

    def drop(centres: np.ndarray) -> float:
        hidden = images.copy()
        for image, (row, column) in zip(hidden, centres):
            image[max(0, row - 6) : row + 7, max(0, column - 6) : column + 7] = image.mean()
        return float((before - classifier.logits(hidden)[rows, classes]).mean())

    assert drop(top) > 1.5 * max(0.0, drop(anywhere))
