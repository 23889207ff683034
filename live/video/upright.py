"""Decoded frames as a player shows them: turned, mirrored, and with square pixels."""

from typing import Any

import cv2
import numpy as np

_SQUARE = 0.01
"""Pixels this close to squares, as a share, count as such: encoders round."""


def upright(raw: Any, shape: float) -> np.ndarray:
    """Uint8 RGB (H, W, 3) of a decoded frame.

    Args:
        raw: PyAV's frame; its display matrix says how it is turned and mirrored.
        shape: width of its pixels through their height. The image is stretched, never shrunk.
    """
    image: np.ndarray = raw.to_ndarray(format="rgb24")
    if (size := _stretched(raw, shape)) != (raw.width, raw.height):
        image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    quarters = _quarters(raw)
    if _mirrored(raw):  # PyAV takes the angle from the mirrored axis, half a turn off
        image, quarters = image[:, ::-1], quarters + 2
    return np.ascontiguousarray(np.rot90(image, quarters))


def upright_size(raw: Any, shape: float) -> tuple[int, int]:
    """Width and height of the frame that `upright` returns."""
    width, height = _stretched(raw, shape)
    return (height, width) if _quarters(raw) % 2 else (width, height)


def _stretched(raw: Any, shape: float) -> tuple[int, int]:
    if abs(shape - 1) <= _SQUARE:
        return raw.width, raw.height
    return round(raw.width * max(shape, 1)), round(raw.height / min(shape, 1))


def _quarters(raw: Any) -> int:
    """Quarter turns, counterclockwise."""
    return round(raw.rotation / 90) % 4


def _mirrored(raw: Any) -> bool:
    """Whether the display matrix has a negative determinant."""
    from av.sidedata.sidedata import Type

    matrix = raw.side_data.get(Type.DISPLAYMATRIX)
    if matrix is None:
        return False
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].astype(np.float64)
    return bool(a * d < b * c)
