"""A net of a moment, and the training command in one line."""

from pathlib import Path
from typing import Any

import keras

from datasets.labels import LabelSet
from fer_models import train


def build(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    images = keras.Input(input_shape)
    x = keras.layers.AveragePooling2D(12)(images)
    x = keras.layers.Dense(4, name="features")(keras.layers.Flatten()(x))
    return keras.Model(images, keras.layers.Dense(num_classes)(x), name="tiny")


def main(data: Path, name: str = "", labels: LabelSet | None = None, **options: Any) -> int:
    return train.main(train.TrainRequest(data=data, name=name, labels=labels, **options))
