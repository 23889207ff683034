"""Some columns of a Keras output, in another order; the model keeps its layers."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


class Columns(keras.layers.Layer):
    """Takes columns of outputs (N, K)."""

    def __init__(self, columns: Sequence[int], name: str) -> None:
        """Name the columns in the wanted order."""
        super().__init__(name=name, dtype="float32")  # under any policy that code has set
        self.columns = list(columns)

    def call(self, outputs: Any) -> Any:
        """The columns, (N, number of columns)."""
        return ops.take(outputs, self.columns, axis=-1)


def with_columns(model: keras.Model, columns: Sequence[int]) -> keras.Model:
    """The same model with these columns of its one output."""
    taken, name = {each.name for each in model.operations}, "columns"
    while name in taken:  # Keras refuses a name that a loaded model has already
        name += "_"
    outputs = Columns(columns, name)(model.outputs[0])
    return keras.Model(model.inputs[0], outputs, name=model.name)
