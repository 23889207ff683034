"""Open a `.keras`, `.h5` or `.hdf5` file; its last softmax is removed."""

from pathlib import Path
from zipfile import is_zipfile

import keras
import numpy as np

from fer_models.foreign.one_input import require_one
from fer_models.foreign.raw_model import RawModel
from fer_models.softmax import strip_softmax


def open_keras(path: Path, sha256: str) -> RawModel:
    """Open a Keras model of one input.

    Raises:
        ValueError: not a zip as `.keras` files are, or more inputs.
    """
    if path.suffix == ".keras" and path.is_file() and not is_zipfile(path):
        raise ValueError("it is not the zip that .keras files are")  # Keras says: File not found
    model = keras.models.load_model(path, compile=False)
    require_one(len(model.inputs))
    several = len(model.outputs) > 1  # then the softmax is removed of the one that is chosen
    names = tuple(map(str, model.output_names)) if several else ()
    model, removed = (model, False) if several else strip_softmax(model)
    outputs = model.outputs if several else model.outputs[0]
    model = keras.Model(model.inputs[0], outputs, name=model.name)
    shape = tuple(model.input_shape[1:])
    known = shape if len(shape) == 3 and None not in shape else None

    def call(images: np.ndarray) -> np.ndarray:
        return np.asarray(model(images, training=False))

    return RawModel(str(path), call, known, model, sha256, removed, names)
