"""A training starts from a backbone: the file's layers arrive, and bad files say so."""

from pathlib import Path

import keras
import numpy as np
import pytest

from datasets.base.errors import InputError
from fer_models.training.start import start_from


def net(filters: int = 2, name: str = "shared", classes: int = 3) -> keras.Model:
    images = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(filters, 3, name=name)(images)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, keras.layers.Dense(classes, name="logits_of_mine")(x), name="toy")


def test_layers_of_equal_name_arrive_from_a_keras_file(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    images = keras.Input((8, 8, 1))
    backbone = keras.Model(images, keras.layers.Conv2D(2, 3, name="shared")(images))
    backbone.save(tmp_path / "backbone.keras")
    model = start_from(net(), str(tmp_path / "backbone.keras"))
    for mine, its in zip(
        model.get_layer("shared").get_weights(), backbone.get_layer("shared").get_weights()
    ):
        np.testing.assert_array_equal(mine, its)


@pytest.mark.parametrize(
    ("filters", "name", "message"),
    [(3, "shared", "layer shared must have arrays of shapes"), (2, "other", "must share named")],
)
def test_a_backbone_that_does_not_fit_is_refused(
    tmp_path: Path, filters: int, name: str, message: str
) -> None:
    images = keras.Input((8, 8, 1))
    keras.Model(images, keras.layers.Conv2D(filters, 3, name=name)(images)).save(
        tmp_path / "backbone.keras"
    )
    with pytest.raises(InputError, match=message):
        start_from(net(), str(tmp_path / "backbone.keras"))


def test_a_missing_backbone_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a Keras model"):
        start_from(net(), str(tmp_path / "missing.keras"))
