"""Open a SavedModel folder by one of its endpoints."""

from pathlib import Path

import keras
import numpy as np

from fer_models.foreign.one_in_one_out import require_one
from fer_models.foreign.raw_model import RawModel


def open_saved_model(path: Path, sha256: str) -> RawModel:
    """Open a SavedModel of one output.

    Raises:
        ValueError: it has neither of the usual endpoints.
    """
    for endpoint in ("serve", "serving_default"):
        try:
            layer = keras.layers.TFSMLayer(str(path), call_endpoint=endpoint)
            break
        except ValueError:
            continue
    else:
        raise ValueError("a SavedModel with the endpoint serve or serving_default")

    def call(images: np.ndarray) -> np.ndarray:
        outputs = keras.tree.flatten(layer(images))
        require_one(1, len(outputs))
        return np.asarray(outputs[0])

    return RawModel(str(path), call, None, None, sha256)
