"""Call a model for a probe, with a time estimate first and progress after."""

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from fer_models.foreign.raw_model import RawModel, ask

_BATCH = 64
_EVERY = 5.0
"""Seconds between two lines of progress."""


class ProbeTiming:
    """Times a model on two images, and tells how long a probe takes.

    Args:
        raw: the opened model.
        two: two images, scaled as the model may expect.
        faces: how many it will be called with per scaling.
        tell: called with lines of text.
    """

    def __init__(
        self, raw: RawModel, two: np.ndarray, faces: int, tell: Callable[[str], object]
    ) -> None:
        ask(raw, two)  # a first call may build or compile
        started = time.monotonic()
        ask(raw, two)
        self._seconds_each = (time.monotonic() - started) / len(two)
        self._raw, self._faces, self._tell = raw, faces, tell
        self._told = time.monotonic()

    def over(self, batches: Sequence[tuple[str, Callable[[], np.ndarray]]]) -> Iterator[np.ndarray]:
        """Outputs float64 (N, K) of each named batch; a function makes its inputs (N, h, w, c).

        Raises:
            ModelError: the model fails, or its outputs are not (N, K) finite numbers.
        """
        seconds = self._seconds_each * len(batches) * self._faces
        self._tell(
            f"{self._raw.name}: the probe tries {len(batches)} scalings on {self._faces} faces,"
            f" at most about {max(1, round(seconds))} s"
        )
        for place, (words, make) in enumerate(batches):
            if time.monotonic() - self._told > _EVERY:
                self._tell(f"{self._raw.name}: probe, {place} of {len(batches)} done, now {words}")
                self._told = time.monotonic()
            yield self.ask(make())

    def ask(self, inputs: np.ndarray) -> np.ndarray:
        """Outputs float64 (N, K) of inputs (N, h, w, c); errors as for `over`."""
        starts = range(0, len(inputs), _BATCH)
        parts = [ask(self._raw, inputs[start : start + _BATCH]) for start in starts]
        return np.concatenate(parts).astype(np.float64)
