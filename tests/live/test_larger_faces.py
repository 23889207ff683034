"""A classifier that takes larger faces than the shipped ones: crops, answers, learnt attacks."""

import keras
import numpy as np
import pytest

from datasets.labels import FER7
from faces.crop import crop_faces
from fer_models.contract import Contract
from fer_models.keras_classifier import wrap
from live.model_loader import ModelLoader
from live.pipeline import Pipeline, Tools
from live.settings import Settings

SIDE = 96


@pytest.fixture(scope="module")
def shelf():
    keras.utils.set_random_seed(2)
    inputs = keras.Input((SIDE, SIDE, 1))
    x = keras.layers.Conv2D(4, 7, strides=6, activation="relu")(inputs)
    net = keras.Model(inputs, keras.layers.Dense(7)(keras.layers.Flatten()(x)))
    shelf = ModelLoader(["large.fer", "tiny.ferplus"])
    shelf.add(wrap(net, Contract(SIDE, SIDE, 1, FER7), model_id="large.fer"))
    return shelf


@pytest.fixture
def pipeline(shelf):
    return Pipeline(shelf, Tools())


def test_face_is_cut_out_at_the_size_that_the_classifier_takes(pipeline, shelf, portrait):
    (face,) = pipeline.read(portrait, Settings(model="large.fer"), 0.0).faces
    crop = crop_faces(portrait, [face.square], SIDE).astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(face.clean, crop[0])
    logits = shelf.wait("large.fer").logits(crop)[0].astype(np.float64)
    shares = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(face.answers[0].probabilities, shares, rtol=1e-5)


def test_second_classifier_sees_its_own_crops_unless_they_are_attacked(
    pipeline, shelf, models, portrait
):
    small = models.wait("tiny.ferplus")
    shelf.add(small)
    asked = Settings(model="large.fer", second="tiny.ferplus")
    (face,) = pipeline.read(portrait, asked, 0.0).faces
    crop = crop_faces(portrait, [face.square], 48).astype(np.float32) / np.float32(255)
    assert face.answers[1].predicted == small.scheme.classes[small.logits(crop).argmax()]
    nothing = asked.model_copy(update={"attack": "noise", "eps": 0.0})
    (face,) = pipeline.read(portrait, nothing, 0.1).faces
    before, after = face.answers[1].probabilities, face.attacked_answers[1].probabilities
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("attack", ["universal", "sticker", "pgd_glasses"])
def test_learnt_and_printed_attacks_fit_the_size(pipeline, shelf, portrait, attack):
    if attack != "pgd_glasses":
        shelf.wait_precomputed(shelf.wait("large.fer"), attack)
    reading = pipeline.read(portrait, Settings(model="large.fer", attack=attack, steps=2), 0.0)
    (face,) = reading.faces
    assert reading.note == "" and face.attacked.shape == (SIDE, SIDE, 1)
    rows = np.ptp(np.argwhere(face.attacked != face.clean)[:, 0]) + 1
    assert {"universal": SIDE, "sticker": 29}.get(attack, rows) >= rows > 14
