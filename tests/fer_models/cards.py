"""A card with values for every field; a test names those that it is about."""

from typing import Any

from datasets.labels import LabelSet
from fer_models.cards import Card
from fer_models.recipe import Precision, Recipe


def make_card(name: str, **fields: Any) -> Card:
    """The card of `NAME.fer`, of one epoch on no faces, with other values for some fields."""
    values: dict[str, Any] = {
        "id": f"{name}.fer",
        "architecture": name,
        "label_set": LabelSet.FER,
        "input_shape": (48, 48, 1),
        "parameters": 1,
        "recipe": Recipe(epochs=1),
        "precision": Precision.FLOAT32,
        "seed": 0,
        "runs_tried": 1,
        "training_rule": None,
        "training_rows": 0,
        "epochs": 1,
        "best_epoch": 1,
        "data_sha256": "",
        "validation_accuracy": 0.1,
        "validation_rows": 0,
        "weights_sha256": "",
    }
    return Card(**values | fields)
