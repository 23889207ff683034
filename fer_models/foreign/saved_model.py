"""Open a SavedModel folder by one of its endpoints; its gradients are exact."""

from pathlib import Path

import keras

from fer_models.foreign.keras_net import keras_net
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
    return keras_net(str(path), layer, sha256)
