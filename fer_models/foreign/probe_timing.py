"""Call a model for a probe, with a time estimate first and progress after."""

import time
from collections.abc import Callable

import numpy as np

from fer_models.foreign.raw_model import RawModel, ask

_BATCH = 64
_FEW = 2
TIMED = 16
"""Images that a model is timed on."""
_REPEATS = 2
_EVERY = 5.0
"""Seconds between two lines of progress."""


class ProbeTiming:
    """Times a model on a few images, and tells how long each part of a probe takes.

    A call may take long however few its images are, so the time of two is subtracted from that of
    sixteen. Each size is asked once before it is timed: a first call may build or compile.

    Args:
        raw: the opened model.
        some: `TIMED` images, scaled as the model may expect.
        tell: called with lines of text.

    Raises:
        ModelError: the model fails, or its outputs are not (N, K) finite numbers.
    """

    def __init__(self, raw: RawModel, some: np.ndarray, tell: Callable[[str], object]) -> None:
        self._raw, self._tell = raw, tell
        few, more = (self._seconds(some[:count]) for count in (_FEW, TIMED))
        self._per_image = max(more - few, 0.0) / (TIMED - _FEW)
        self._per_call = max(few - _FEW * self._per_image, 0.0)
        self._images = self._asked = 0
        self._told = time.monotonic()

    def _seconds(self, images: np.ndarray) -> float:
        ask(self._raw, images)
        taken = []
        for _ in range(_REPEATS):
            started = time.monotonic()
            ask(self._raw, images)
            taken.append(time.monotonic() - started)
        return min(taken)

    def announce(self, what: str, images: int) -> None:
        """Tell what comes next, the number of images that the model will be asked, and the time."""
        seconds = self._per_image * images + self._per_call * -(-images // _BATCH)
        self._tell(
            f"{self._raw.name}: the probe {what}: {images} images, about {max(1, round(seconds))} s"
        )
        self._images, self._asked, self._told = images, 0, time.monotonic()

    def ask(self, inputs: np.ndarray) -> np.ndarray:
        """Outputs float64 (N, K) of inputs (N, h, w, c); tells the progress every few seconds.

        Raises:
            ModelError: the model fails, or its outputs are not (N, K) finite numbers.
        """
        parts = []
        for start in range(0, len(inputs), _BATCH):
            if time.monotonic() - self._told > _EVERY:
                self._tell(f"{self._raw.name}: probe, {self._asked} of {self._images} images")
                self._told = time.monotonic()
            parts.append(ask(self._raw, inputs[start : start + _BATCH]))
            self._asked += len(parts[-1])
        return np.concatenate(parts).astype(np.float64)
