"""How many images a compiled call takes, and that parts answer what the whole would."""

import keras
import numpy as np
import pytest
from keras import layers

from datasets.labels import FER7
from fer_models.contract import Contract
from fer_models.costs.images_per_call import CALL_BYTES, images_per_call
from fer_models.defences.base import defend
from fer_models.defences.registry import parse_defence
from fer_models.gradients import SymbolicClassifier
from fer_models.keras_classifier import KerasClassifier, wrap
from fer_models.losses import Loss
from fer_models.reduced_precision import ReducedPrecision
from fer_models.zoo import load

IMAGES = np.random.default_rng(0).random((21, 8, 8, 1)).astype(np.float32)
LABELS = np.arange(21) % 7


def net(filters: int, side: int = 8) -> keras.Model:
    keras.utils.set_random_seed(0)
    images = keras.Input((side, side, 1))
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(images)
    return keras.Model(images, layers.Dense(7)(layers.GlobalAveragePooling2D()(x)))


def small(monkeypatch: pytest.MonkeyPatch, size: int) -> KerasClassifier:
    """A classifier that takes so many images at once."""
    classifier = wrap(net(4), Contract(8, 8, 1, FER7), model_id="small")
    monkeypatch.setattr(KerasClassifier, "images_per_call", size)
    return classifier


def test_larger_outputs_leave_room_for_fewer_images() -> None:
    """48 x 48 x F numbers and hardly any others: half of them and two copies, of 4 bytes each."""
    assert images_per_call(net(4, 48)) == 128
    assert 90 < CALL_BYTES / (4 * 2.5 * 2304 * 128) < 100
    assert images_per_call(net(128, 48)) == 90
    assert images_per_call(net(256, 48)) == 48
    assert images_per_call(net(10**5, 48)) == 8


def test_models_inside_count_and_unknown_outputs_do_not() -> None:
    inner = net(256, 48)
    images = keras.Input((48, 48, 1))
    assert images_per_call(keras.Model(images, inner(images))) == images_per_call(inner)
    free = keras.Input((None, None, 1))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(512, 3)(free))
    assert images_per_call(keras.Model(free, layers.Dense(7)(x))) == 128
    shared = layers.Conv2D(1, 3, padding="same")
    twice = shared(shared(images))
    assert images_per_call(keras.Model(images, layers.Dense(7)(layers.Flatten()(twice)))) == 128


@pytest.mark.parametrize(
    ("name", "count"),
    [("vgg_small.fer", 128), ("tiny.fer", 128), ("mean_of_nets.fer", 64), ("plain_cnn.fer", 32)],
)
def test_the_zoo(name: str, count: int) -> None:
    classifier = load(name)
    assert isinstance(classifier, SymbolicClassifier)
    assert classifier.images_per_call == count


@pytest.mark.parametrize("size", [1, 8, 20, 21])
def test_parts_answer_what_the_whole_does(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = small(monkeypatch, 128)

    def answers() -> list[np.ndarray]:
        others = np.stack([(LABELS + 1) % 7, (LABELS + 2) % 7], axis=1)
        return [
            classifier.logits(IMAGES),
            *classifier.input_gradients(IMAGES, LABELS, Loss.DLR, others[:, 0]),
            classifier.logit_gradients(IMAGES, LABELS),
            *classifier.lead_gradients(IMAGES, LABELS, others),
            *classifier.layer_gradients(IMAGES, LABELS, classifier.model.layers[1].name),
            classifier.outputs(IMAGES, classifier.contract),
            classifier.outputs_as_given(IMAGES),
        ]

    expected = answers()
    monkeypatch.setattr(KerasClassifier, "images_per_call", size)
    for one, other in zip(answers(), expected, strict=True):
        assert one.shape == other.shape and one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_no_call_takes_more(monkeypatch: pytest.MonkeyPatch) -> None:
    from fer_models import gradients

    classifier, sizes, pad = small(monkeypatch, 8), [], gradients._pad

    def noting(rows: np.ndarray) -> np.ndarray:
        sizes.append(len(rows))
        return pad(rows)

    monkeypatch.setattr(gradients, "_pad", noting)
    classifier.logits(IMAGES)
    assert sizes == [8, 8, 5]


def test_a_call_that_is_not_compiled_takes_a_quarter(monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps the outputs of all layers, which a compiled one frees or never has."""
    classifier, sizes = small(monkeypatch, 32), list[int]()

    def call(images: np.ndarray, **_: object) -> np.ndarray:
        sizes.append(len(images))
        return images[:, 0, 0]

    monkeypatch.setattr(classifier.loaded(), "call", call)
    classifier.outputs(IMAGES, classifier.contract)
    classifier.outputs_as_given(IMAGES)
    assert sizes == [8, 8, 5] * 2


def test_twins_take_as_many_as_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = small(monkeypatch, 8)
    assert ReducedPrecision(classifier, net(4)).images_per_call == 8


@pytest.mark.parametrize(
    ("size", "defence", "count"),
    [(24, "jpeg75", 24), (24, "views10", 2), (8, "views10", 1), (40, "smooth0.1", 2)],
)
def test_views_of_a_large_net_count_as_images(
    size: int, defence: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty draws of `smooth` are attacked together. Small nets see up to 1,280 views at once."""
    inner = small(monkeypatch, size)
    defended = defend(inner, parse_defence(defence), defence)
    assert isinstance(defended, SymbolicClassifier)
    assert defended.images_per_call == count
    monkeypatch.setattr(KerasClassifier, "images_per_call", 128)
    assert defended.images_per_call == (64 if defence == "smooth0.1" else 128)
    more = defended.with_draws(2)
    assert isinstance(more, SymbolicClassifier)
    assert more.images_per_call == (32 if defence == "smooth0.1" else 128)
