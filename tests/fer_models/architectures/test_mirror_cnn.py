"""`mirror_cnn` answers a face and its mirror image alike, whatever it learnt."""

from pathlib import Path

import keras
import numpy as np
import pytest

from fer_models.architectures import mirror_cnn
from fer_models.architectures.mirrored import Mirrored
from fer_models.recipe import Recipe
from fer_models.training.batches import TrainingRows
from fer_models.training.loop import fit
from fer_models.weights import load_weights, save_weights

GENERATOR = np.random.default_rng(0)


@pytest.mark.slow
def test_it_stays_mirrored_when_it_learns_from_faces_that_are_not(tmp_path: Path) -> None:
    # Bright on the left is class 0, on the right class 1: only a net that is not mirrored sees it.
    side = np.arange(64) % 2
    images = GENERATOR.integers(0, 128, (64, 48, 48, 1))
    images[side == 0, :, :24] += 100
    images[side == 1, :, 24:] += 100
    rows = TrainingRows(
        images.astype(np.uint8), np.eye(2, dtype=np.float32)[side], np.zeros((64, 0), np.float32)
    )
    recipe = Recipe(epochs=2, batch_size=16, flip=False, averaging=0.9, learning_rate=1e-3)
    fit(lambda: mirror_cnn.build((48, 48, 1), 2), recipe, rows, None, tmp_path, 0, lambda _: None)
    net = mirror_cnn.build((48, 48, 1), 2)
    load_weights(net, tmp_path / "best.npz")
    faces = GENERATOR.random((16, 48, 48, 1), np.float32)
    answers, mirrored = net(faces), net(faces[:, :, ::-1])
    assert np.ptp(answers, axis=0).min() > 0.01
    np.testing.assert_allclose(answers, mirrored, atol=1e-4)


def test_weights_are_those_of_a_pair() -> None:
    mirrored = Mirrored((2, 3), width=1)
    kernel = np.asarray(mirrored(GENERATOR.random((3, 3, 4, 6), np.float32)))
    # From input half a to output half b as from b to a, mirrored.
    np.testing.assert_array_equal(kernel[:, :, :2, :3], kernel[:, ::-1, 2:, 3:])
    np.testing.assert_array_equal(kernel[:, :, 2:, :3], kernel[:, ::-1, :2, 3:])
    np.testing.assert_array_equal(mirrored(kernel), kernel)
    np.testing.assert_array_equal(mirrored.whole(mirrored.half(kernel)), kernel)
    assert keras.constraints.get(keras.constraints.serialize(mirrored)).get_config() == {
        "axes": (2, 3),
        "width": 1,
    }


def test_half_of_the_weights_is_stored(tmp_path: Path) -> None:
    net, again = (mirror_cnn.build((48, 48, 1), 7) for _ in range(2))
    for variable in net.weights:
        if variable.constraint is not None:
            variable.assign(variable.constraint(variable))
    save_weights(net, tmp_path / "net.npz")
    load_weights(again, tmp_path / "net.npz")
    for one, other in zip(net.weights, again.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-6)
    assert (tmp_path / "net.npz").stat().st_size < net.count_params() * 1.1
