"""Attacks on a PyTorch net break the faces that they break on the same net in Keras."""

import keras
import numpy as np
import pytest

from attacks.base import Keys
from attacks.photos.view import attack_faces
from attacks.registry import ART_ATTACKS, ATTACKS, make_attack
from attacks.threat_model import Norm
from attacks.transfer import TransferTarget
from faces.box import Box
from fer_models.contract import Contract
from fer_models.keras_classifier import KerasClassifier, wrap
from fer_models.pytorch.classifier import TorchClassifier, wrap_torch
from fer_models.pytorch.port import port
from fer_models.reduced_precision import NoTwinError, reduce_precision
from tests.attacks import tiny
from tests.attacks.test_conformance import FEWER, eps_of

COUNT = 16


@pytest.fixture(scope="module")
def pair() -> tuple[KerasClassifier, TorchClassifier]:
    """A net of 48x48 grey faces in both frameworks."""
    keras.utils.set_random_seed(0)
    pixels = keras.Input((48, 48, 1))
    x = keras.layers.Rescaling(4.0, offset=-2.0)(pixels)
    x = keras.layers.Conv2D(8, 5, strides=4, activation="relu", padding="same")(x)
    x = keras.layers.Flatten()(x)
    model = keras.Model(pixels, keras.layers.Dense(7, kernel_initializer="he_normal")(x))
    contract = Contract(48, 48, 1, tiny.scheme(7))
    ours = wrap(model, contract, model_id="net")
    return ours, wrap_torch(port(ours.model), contract, model_id="net")


BY_GRADIENTS = [
    pytest.param(name, norm, marks=[pytest.mark.slow] if attack in ART_ATTACKS else [])
    for name, attack in ATTACKS.items()
    for norm in attack.norms
    if attack.needs_gradients
]


@pytest.mark.parametrize(("name", "norm"), BY_GRADIENTS)
def test_the_same_faces_break(pair, name: str, norm: Norm) -> None:
    images = tiny.images(COUNT, (48, 48, 1))
    labels, keys = pair[0].predict(images), Keys(0, np.arange(COUNT))
    attack = make_attack(name, norm, eps_of(name, norm), FEWER.get(name, {}))
    ours, theirs = (attack(each, images, labels, keys) for each in pair)
    assert (ours.success != theirs.success).sum() <= 1, (ours.success, theirs.success)
    np.testing.assert_array_equal(pair[1].predict(theirs.images) != labels, theirs.success)


def test_art_attacks_a_pytorch_net(pair) -> None:
    images = tiny.images(4, (48, 48, 1))
    labels = pair[1].predict(images)
    attack = make_attack("cw_l2", Norm.L2, 3.0, FEWER["cw_l2"])
    assert attack(pair[1], images, labels, Keys(0, np.arange(4))).success.any()


def test_a_pytorch_net_is_source_and_target_of_transfer_attacks(pair) -> None:
    images = tiny.images(COUNT, (48, 48, 1))
    labels, keys = pair[0].predict(images), Keys(0, np.arange(COUNT))
    attack = make_attack("transfer", Norm.LINF, 0.1, {"steps": 5})
    for target, source in (pair, pair[::-1]):
        found = attack(TransferTarget(target, [source]), images, labels, keys)
        assert found.success.mean() > 0.5, "equal nets transfer"


def test_faces_in_photographs_are_attacked(pair) -> None:
    photo = np.random.default_rng(0).integers(60, 200, (90, 100, 3)).astype(np.uint8)
    attack = make_attack("pgd", Norm.LINF, 8 / 255, {"steps": 3})
    pictures = [
        attack_faces(each, photo, [Box(20, 15, 60, 60)], np.array([0]), attack) for each in pair
    ]
    moved = [picture.astype(int) - photo for picture in pictures]
    assert np.abs(moved[1]).max() == 8
    assert (np.abs(moved[0] - moved[1]) > 1).mean() < 0.02, "both move the same pixels"


def test_bfloat16_gradients_are_for_keras_models(pair) -> None:
    with pytest.raises(NoTwinError, match="only a Keras model"):
        reduce_precision(pair[1])
