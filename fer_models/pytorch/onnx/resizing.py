"""`Resize` and its predecessor `Upsample`, dimension by dimension.

Along one dimension every element of the answer is a weighted sum of elements of the input, so a
resize is a product with a matrix that depends on the two sizes alone.

Source: the definition of Resize in the ONNX standard and its reference implementation.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fer_models.pytorch.onnx.operator import Node, Operator, unknown

_UPSAMPLE = {
    "mode": "nearest",
    "coordinate_transformation_mode": "asymmetric",
    "cubic_coeff_a": -0.75,
    "exclude_outside": 0,
}
"""Attributes as `Upsample`, and `Resize` before opset 11, have them without saying so.

The nearest element is then the one before when an image grows, and the one behind when it shrinks.
"""

_ROUNDINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "round_prefer_floor": lambda x: np.floor(x) + (x - np.floor(x) > 0.5),
    "round_prefer_ceil": lambda x: np.floor(x) + (x - np.floor(x) >= 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def _resize(
    node: Node,
    x: Tensor,
    region: Tensor | None = None,
    scales: Tensor | None = None,
    sizes: Tensor | None = None,
) -> Tensor:
    """Before opset 11 the second input is the scales."""
    if node.version < 11:
        scales, region = region, None
    settings = {**_UPSAMPLE, **node.attributes}
    if settings.get("antialias"):
        raise unknown("Resize with antialias")
    if settings.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise unknown(f"Resize with {settings['keep_aspect_ratio_policy']}")
    axes = settings.get("axes") or range(x.ndim)
    if sizes is not None and sizes.numel():
        targets = [int(size) for size in sizes.tolist()]
        factors = [np.float32(size) / x.shape[axis] for axis, size in zip(axes, targets)]
    else:
        given = settings["scales"] if scales is None else scales.tolist()
        factors = [np.float32(scale) for scale in given]
        targets = [int(np.floor(x.shape[axis] * s)) for axis, s in zip(axes, factors)]
    for axis, factor, target in zip(axes, factors, targets):
        if target != x.shape[axis] or factor != 1:
            x = _along(x, axis % x.ndim, float(factor), target, settings)
    return x


def _along(x: Tensor, axis: int, factor: float, target: int, settings: dict[str, Any]) -> Tensor:
    """Resize one dimension."""
    side = x.shape[axis]
    places = _places(side, target, np.float32(factor), settings["coordinate_transformation_mode"])
    if settings["mode"] == "nearest":
        rounding = settings.get("nearest_mode") or ("ceil" if factor < 1 else "floor")
        rows = _ROUNDINGS[rounding](places).clip(0, side - 1).astype(np.int64)
        return x.index_select(axis, torch.from_numpy(rows).to(x.device))
    weights = torch.from_numpy(_weights(side, places, settings)).to(x)
    return torch.movedim(torch.movedim(x, axis, -1) @ weights.T, -1, axis)


def _places(side: int, target: int, factor: np.float32, mode: str) -> np.ndarray:
    """Where each element of the answer lies in the input, float32 (target,)."""
    rows, half = np.arange(target, dtype=np.float32), np.float32(0.5)
    match mode:
        case "half_pixel":
            return (rows + half) / factor - half
        case "pytorch_half_pixel":
            return (rows + half) / factor - half if target > 1 else np.zeros_like(rows)
        case "half_pixel_symmetric":
            share = np.float32(target) / (factor * np.float32(side))
            return np.float32(side) / 2 * (1 - share) + (rows + half) / factor - half
        case "align_corners":
            return rows * np.float32(side - 1) / np.float32(max(target - 1, 1))
        case "asymmetric":
            return rows / factor
    raise unknown(f"Resize with {mode}")


def _weights(side: int, places: np.ndarray, settings: dict[str, Any]) -> np.ndarray:
    """Share of each element of the input in each of the answer, (target, side)."""
    reach = 2 if settings["mode"] == "cubic" else 1
    near = np.floor(places)[:, None] + np.arange(1 - reach, 1 + reach)
    distance = np.abs(places[:, None].astype(np.float64) - near)
    if settings["mode"] == "linear":
        shares = 1 - distance
    else:
        shares = _cubic(distance, settings["cubic_coeff_a"])
    if settings["exclude_outside"]:
        shares = np.where((near < 0) | (near > side - 1), 0, shares)
        shares /= shares.sum(axis=1, keepdims=True)
    weights = np.zeros((len(places), side))
    rows = np.arange(len(places))[:, None]
    np.add.at(weights, (rows, near.clip(0, side - 1).astype(np.int64)), shares)
    return weights


def _cubic(x: np.ndarray, a: float) -> np.ndarray:
    """Keys' cubic kernel of a distance."""
    inner = ((a + 2) * x - (a + 3)) * x * x + 1
    outer = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, inner, np.where(x < 2, outer, 0))


RESIZING = {
    "Resize": Operator(_resize, (10, 11, 13, 18, 19)),
    "Upsample": Operator(_resize, (7, 9)),
}
