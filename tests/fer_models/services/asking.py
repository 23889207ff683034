"""A service that is opened without waiting, images to ask about, and the scores it gives."""

from pathlib import Path
from typing import Any

import numpy as np

from fer_models.services.service import Service
from fer_models.services.service_file import read_service_file
from tests.fer_models.services.server import (
    Server,
    softmax_of_pixels,
    write_service,
)

IMAGES = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 1), dtype=np.uint8)
WANTED = np.array([softmax_of_pixels(image) for image in IMAGES])


def one(images: list[np.ndarray]) -> Any:
    return {"scores": softmax_of_pixels(images[0])}


def many(images: list[np.ndarray]) -> Any:
    return {"predictions": [{"scores": softmax_of_pixels(image)} for image in images]}


class Clock:
    """Takes the pauses and does not wait."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.pauses.append(seconds)


def opened(folder: Path, server: Server, clock: Clock | None = None, **fields: Any) -> Service:
    file = read_service_file(write_service(folder, server, **fields))
    return Service("service", file, clock or Clock())
