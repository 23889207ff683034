"""A service as an opened model, so that the probe asks it like any other."""

import numpy as np

from fer_models.foreign.raw_model import RawModel
from fer_models.services.service import Service


def raw_service(service: Service) -> RawModel:
    """Make an opened model that takes pixels from 0 to 255 and rounds them to 8 bits."""
    file = service.file

    def call(images: np.ndarray) -> np.ndarray:
        return service.outputs(np.rint(np.clip(images, 0, 255)).astype(np.uint8))

    shape = (file.height, file.width, file.channels)
    return RawModel(service.name, call, shape, None, file.sha256)
