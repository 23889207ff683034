"""`resize_pad6`: random shrinking, then random zero padding back to the size.

Source: Xie et al. 2018, "Mitigating adversarial effects through randomization", arXiv 1711.01991;
they enlarge and pad, but a classifier of fixed size would shrink that again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import keras
import numpy as np
from keras import ops

from fer_models.defences.base import Defence, generator

NUMBERS = 1000
"""An attacker's draws repeat after so many steps."""


@dataclass(frozen=True)
class ResizePad(Defence):
    """Shrink by 0 to `pixels` pixels of a 48-pixel face and place it anywhere on black."""

    pixels: int
    name = "resize_pad"
    differentiable = True
    random = True

    def __call__(self, images: keras.KerasTensor, rng: np.random.Generator) -> keras.KerasTensor:
        """Shrunk and padded images, exact gradient."""
        height, width = images.shape[1:3]
        rows, columns, top, left = self._draw(rng, height, width)
        x = ops.image.resize(images, (rows, columns), interpolation="bilinear")
        pad = [(0, 0), (top, height - rows - top), (left, width - columns - left), (0, 0)]
        return ops.pad(x, [(int(before), int(after)) for before, after in pad])

    def attacked_views(
        self, images: keras.KerasTensor, draws: range, number: keras.KerasTensor
    ) -> Iterator[keras.KerasTensor]:
        """Shrunk and padded images; how, is read from a table by the number."""
        height, width = images.shape[1:3]
        table = ops.convert_to_tensor(_table(self, height, width, draws))
        for place in ops.split(ops.take(table, number % NUMBERS, axis=0), len(draws)):
            rows, columns, top, left = ops.unstack(place[0])
            down, across = _shrunk(height, rows, top), _shrunk(width, columns, left)
            yield ops.einsum("rh,nhwc,sw->nrsc", down, images, across)

    def _draw(self, rng: np.random.Generator, height: int, width: int) -> tuple[int, int, int, int]:
        """Rows and columns of the shrunk image, and of black above and left of it."""
        share = rng.uniform(0, self.pixels / 48)
        rows, columns = (max(1, round(side * (1 - share))) for side in (height, width))
        top, left = rng.integers(0, height - rows + 1), rng.integers(0, width - columns + 1)
        return rows, columns, int(top), int(left)


@lru_cache(maxsize=4)
def _table(defence: ResizePad, height: int, width: int, draws: range) -> np.ndarray:
    """What `ResizePad._draw` draws, by number and seed, float32 (`NUMBERS`, draws, 4)."""
    generators = [generator(draw) for draw in draws]
    drawn = [[defence._draw(rng, height, width) for rng in generators] for _ in range(NUMBERS)]
    return np.array(drawn, np.float32)


def _shrunk(side: int, length: keras.KerasTensor, start: keras.KerasTensor) -> keras.KerasTensor:
    """Matrix (side, side) that shrinks a side to a length and puts it behind black pixels.

    Bilinear as Keras has it: the middle of a pixel is half a pixel from its edge.
    """
    place = ops.arange(side, dtype="float32") - start
    inside = ops.logical_and(place >= 0, place < length)
    middle = ops.clip((place + 0.5) * (side / length) - 0.5, 0, side - 1)
    weights = ops.relu(1 - ops.abs(middle[:, None] - ops.arange(side, dtype="float32")))
    return weights * ops.cast(inside, "float32")[:, None]
