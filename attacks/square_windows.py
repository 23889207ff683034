"""The squares of the Square attack: their sizes, places and shapes. No classifier, no draws."""

import math
from functools import cache

import numpy as np

from attacks.threat_model import Norm, project

HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Numbers of queries, of 10,000, after which the area of the squares halves."""
TILES = 5
"""Bumps along a side of the first l2 perturbation."""
TINY = 1e-12


def side_lengths(queries: int, area: float, size: tuple[int, ...], norm: Norm) -> list[int]:
    """Side of the square of each query, pixels; the schedule is stretched to `queries`.

    l2 squares are odd and at least 3, where the image allows it.

    Source: Andriushchenko et al. 2020, arXiv 1912.00049, section 3.1.
    """
    sides, most = [], min(size)
    for query in range(queries):
        share = area / 2 ** sum(int(query / queries * 10_000) > after for after in HALVINGS)
        side = round(math.sqrt(share * size[0] * size[1]))
        if norm is Norm.L2:
            side = max(side, 3)
            side += side % 2 == 0
        sides.append(min(max(side, 1), most))
    return sides


def corners(draws: np.ndarray, side: int, shape: tuple[int, ...]) -> np.ndarray:
    """Top left corners int64 (N, 2) of squares inside the image, from uniform draws (N, 2)."""
    free = np.array(shape[1:3]) - side + 1
    return np.minimum((draws * free).astype(np.int64), free - 1)


def set_squares(
    current: np.ndarray,
    clean: np.ndarray,
    into: np.ndarray,
    side: int,
    signs: np.ndarray,
    eps: float,
) -> np.ndarray:
    """Set one square of each image to the clean pixels +-eps, signs per channel (N, C); float32.

    Only those pixels change, so what was inside the ball and [0, 1] still is. A square that has
    these values already takes the opposite signs, so no query repeats an image. The authors' code
    draws the signs again, which is equivalent with one channel.
    """
    moved, where = current.copy(), _pixels(into, side)
    inside = clean[where]

    def shifted(signs: np.ndarray) -> np.ndarray:
        return project(inside + eps * signs[:, None, None, :], inside, eps, Norm.LINF)

    idle = (shifted(signs) == moved[where]).all(axis=(1, 2, 3))
    moved[where] = shifted(np.where(idle[:, None], -signs, signs))
    return moved


def move_squares(
    delta: np.ndarray,
    source: np.ndarray,
    into: np.ndarray,
    side: int,
    signs: np.ndarray,
    upright: np.ndarray,
    eps: float,
) -> np.ndarray:
    """Move the perturbation of one square, and what remains of eps, into another square.

    Args:
        delta: float64 (N, H, W, C), perturbations no longer than eps.
        source: corners of the squares that are emptied.
        into: corners of the squares that are filled.
        side: side of the squares.
        signs: +-1 (N, C) of the new bumps.
        upright: bool (N,), whether bumps are one above the other or side by side.
        eps: l2 length of the result.

    Source: Andriushchenko et al. 2020, arXiv 1912.00049, algorithm 3.
    """
    delta, from_pixels, to_pixels = delta.copy(), _pixels(source, side), _pixels(into, side)
    channels, length = delta.shape[3], _length(delta, (1, 2, 3))
    old = delta[to_pixels]
    old_direction = old / (TINY + _length(old, (1, 2)))
    both = np.zeros(delta.shape[:3], bool)
    both[from_pixels] = both[to_pixels] = True
    inside = _length(delta * both[..., None], (1, 2))  # per channel
    bump = bumps(side)
    shape = np.where(upright[:, None, None], bump, bump.T)[..., None]
    new = shape * signs[:, None, None, :] + old_direction
    spare = np.maximum(eps**2 - length**2, 0) / channels
    new *= np.sqrt(spare + inside**2) / (TINY + _length(new, (1, 2)))
    delta[from_pixels] = 0
    delta[to_pixels] = new
    return delta * (eps / (TINY + _length(delta, (1, 2, 3))))


def stripes(signs: np.ndarray) -> np.ndarray:
    """Vertical stripes: the first row of signs (N, H, W, C) in every row."""
    return np.broadcast_to(signs[:, :1], signs.shape)


def tiles(signs: np.ndarray) -> np.ndarray:
    """A grid of bumps of random sign per channel, l2 length 1, from signs (N, H, W, C)."""
    side = max(min(signs.shape[1:3]) // TILES, 1)
    rows, columns = (range(0, length - side + 1, side) for length in signs.shape[1:3])
    pattern, bump = np.zeros(signs.shape), bumps(side)[..., None]
    for top in rows:
        for left in columns:
            sign = signs[:, top, left][:, None, None, :]
            pattern[:, top : top + side, left : left + side] = bump * sign
    return pattern / _length(pattern, (1, 2, 3))


@cache
def bumps(side: int) -> np.ndarray:
    """Two bumps of opposite sign, one above the other, l2 length 1, (side, side).

    Source: Andriushchenko et al. 2020, arXiv 1912.00049, section 3.3.
    """
    upper = side // 2
    both = np.concatenate([_bump(upper, side), -_bump(side - upper, side)])
    return both / np.linalg.norm(both)


def _bump(height: int, width: int) -> np.ndarray:
    """Rectangles inside each other around the middle, the k-th adds 1 / k^2; length 1."""
    bump = np.zeros((height, width))
    if not height:
        return bump
    top, left = height // 2, width // 2
    for k in range(max(top, left) + 1):
        rows = slice(max(top - k, 0), top + k + 1)
        bump[rows, max(left - k, 0) : left + k + 1] += 1 / (k + 1) ** 2
    return bump / np.linalg.norm(bump)


def _pixels(top_left: np.ndarray, side: int) -> tuple[np.ndarray, ...]:
    """Indices that pick the squares, (N, side, side, C), out of (N, H, W, C)."""
    steps = np.arange(side)
    rows, columns = (top_left[:, axis, None] + steps for axis in (0, 1))
    images = np.arange(len(top_left))[:, None, None]
    return images, rows[:, :, None], columns[:, None, :]


def _length(values: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    return np.sqrt(np.square(values).sum(axis=axes, keepdims=True))
