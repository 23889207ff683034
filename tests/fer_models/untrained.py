"""An untrained mini_xception as the folder of a training: small, quick to write, loads by path."""

from pathlib import Path

import keras

from datasets.labels import LabelSet
from fer_models.architectures.registry import architecture
from fer_models.cards import Card, write_card
from fer_models.recipe import Precision
from fer_models.weights import file_sha256, save_weights


def write_untrained(folder: Path) -> Path:
    """Write `weights.npz` and `card.json` of `mini_xception.fer`; returns the folder."""
    build, recipe = architecture("mini_xception")
    keras.utils.set_random_seed(1)
    model = build((48, 48, 1), 7)
    save_weights(model, folder / "weights.npz")
    card = Card(
        id="mini_xception.fer",
        architecture="mini_xception",
        label_set=LabelSet.FER,
        input_shape=(48, 48, 1),
        parameters=model.count_params(),
        recipe=recipe,
        precision=Precision.FLOAT32,
        seed=0,
        runs_tried=1,
        training_rule=None,
        training_rows=0,
        epochs=1,
        best_epoch=1,
        data_sha256="",
        validation_accuracy=0.1,
        validation_rows=0,
        weights_sha256=file_sha256(folder / "weights.npz"),
    )
    write_card(card, folder / "card.json")
    return folder
