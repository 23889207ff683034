"""Open a SavedModel folder by one of its endpoints."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from fer_models.foreign.raw_model import RawModel


def open_saved_model(path: Path, sha256: str) -> RawModel:
    """Open a SavedModel; of several outputs, its contract names one.

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

    def call(images: np.ndarray) -> Any:
        answer = layer(images)
        outputs = keras.tree.flatten(answer)
        return np.asarray(outputs[0]) if len(outputs) == 1 else answer

    return RawModel(str(path), call, None, None, sha256)
