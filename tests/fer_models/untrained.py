"""An untrained mini_xception as the folder of a training: small, quick to write, loads by path."""

from pathlib import Path

import keras

from datasets.base.hashes import file_sha256
from fer_models.architectures.registry import architecture
from fer_models.cards import write_card
from fer_models.weights import save_weights
from tests.fer_models.cards import make_card


def write_untrained(folder: Path, selected_on: str = "") -> Path:
    """Write `weights.npz` and `card.json` of `mini_xception.fer`; returns the folder."""
    build, recipe = architecture("mini_xception")
    keras.utils.set_random_seed(1)
    model = build((48, 48, 1), 7)
    save_weights(model, folder / "weights.npz")
    card = make_card(
        "mini_xception",
        parameters=model.count_params(),
        recipe=recipe,
        weights_sha256=file_sha256(folder / "weights.npz"),
        selected_on=selected_on,
    )
    write_card(card, folder / "card.json")
    return folder
