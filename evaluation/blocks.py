"""Blocks of images that are in memory together, so that a run of many faces needs no more."""

from collections.abc import Iterator

from fer_models.classifier import BATCH_SIZE

BLOCK = 2 * BATCH_SIZE
"""Whole batches, so that a block's end starts no new one. Of 48 pixels, rounding to 8 bits needs
0.2 MB per image of a block."""


def blocks(count: int) -> Iterator[slice]:
    """The places 0 to `count`, `BLOCK` at a time."""
    return (slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))
