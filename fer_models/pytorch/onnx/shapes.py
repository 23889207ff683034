"""The shape of tensors, and operators that only move elements."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from fer_models.pytorch.onnx.operator import Node, Operator, elementwise, unknown

_SINCE_13 = (13, 21, 23, 24, 25)
"""Opsets that changed nothing but the types that tensors may have."""


def _shape(node: Node, x: Tensor) -> Tensor:
    """Before opset 15 there is neither `start` nor `end`."""
    sides = list(x.shape)[slice(node.get("start"), node.get("end"))]
    return torch.tensor(sides, dtype=torch.int64)


def _size(x: Tensor) -> Tensor:
    return torch.tensor(x.numel())


def _reshape(node: Node, x: Tensor, shape: Tensor) -> Tensor:
    """A 0 means the side that is there, except with `allowzero`."""
    sides = shape.tolist()
    if not node.get("allowzero"):
        sides = [side or x.shape[place] for place, side in enumerate(sides)]
    return x.reshape(sides)


def _flatten(node: Node, x: Tensor) -> Tensor:
    axis = node["axis"] + (x.ndim if node["axis"] < 0 else 0)
    return x.reshape(int(np.prod(x.shape[:axis])), -1)


def _transpose(node: Node, x: Tensor) -> Tensor:
    return x.permute(node.get("perm") or tuple(reversed(range(x.ndim))))


def _axes(node: Node, axes: Tensor | None) -> list[int] | None:
    """Axes are an attribute before opset 13, later an input."""
    return node.get("axes") if axes is None else axes.tolist()


def _squeeze(node: Node, x: Tensor, axes: Tensor | None = None) -> Tensor:
    found = _axes(node, axes)
    return x.squeeze() if found is None else x.squeeze(tuple(found))


def _unsqueeze(node: Node, x: Tensor, axes: Tensor | None = None) -> Tensor:
    """The axes are those of the answer."""
    found = _axes(node, axes) or []
    rank = x.ndim + len(found)
    for axis in sorted(axis % rank for axis in found):
        x = x.unsqueeze(axis)
    return x


def _concat(node: Node, *parts: Tensor) -> Tensor:
    return torch.cat(parts, dim=node["axis"])


def _split(node: Node, x: Tensor, sizes: Tensor | None = None) -> tuple[Tensor, ...]:
    """Sizes are an attribute before opset 13; without any the parts are equal, the last smaller."""
    given = node.get("split") if sizes is None else sizes.tolist()
    side, count = x.shape[node["axis"]], len(node.outputs)
    if given is None:
        size = -(-side // count)
        given = [max(min(size, side - place * size), 0) for place in range(count)]
    return x.split(list(given), dim=node["axis"])


def _slice(
    node: Node,
    x: Tensor,
    starts: Tensor | None = None,
    ends: Tensor | None = None,
    axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:
    """Bounds are attributes before opset 10; a step may be negative."""
    begin = node["starts"] if starts is None else starts.tolist()
    end = node["ends"] if ends is None else ends.tolist()
    places = _axes(node, axes)
    by = [1] * len(begin) if steps is None else steps.tolist()
    for axis, bounds in zip(range(len(begin)) if places is None else places, zip(begin, end, by)):
        first, last, step = slice(*bounds).indices(x.shape[axis])
        rows = range(first, last, step)
        if step == 1:
            x = x.narrow(axis, first, len(rows))
        else:
            x = x.index_select(axis, torch.tensor(rows, dtype=torch.int64, device=x.device))
    return x


def _gather(node: Node, x: Tensor, rows: Tensor) -> Tensor:
    """Negative rows count from the end."""
    axis = node["axis"] % x.ndim
    side = x.shape[axis]
    flat = rows.reshape(-1).long()
    flat = torch.where(flat < 0, flat + side, flat).to(x.device)
    shape = (*x.shape[:axis], *rows.shape, *x.shape[axis + 1 :])
    return x.index_select(axis, flat).reshape(shape)


def _expand(x: Tensor, shape: Tensor) -> Tensor:
    return x.expand(torch.broadcast_shapes(x.shape, tuple(shape.tolist())))


def _tile(x: Tensor, repeats: Tensor) -> Tensor:
    return x.repeat(repeats.tolist())


def _pad(
    node: Node,
    x: Tensor,
    pads: Tensor | None = None,
    value: Tensor | None = None,
    axes: Tensor | None = None,
) -> Tensor:
    """Pads and value are attributes before opset 11; the axes may be chosen since opset 18."""
    sides = list(node["pads"]) if pads is None else pads.tolist()
    chosen = range(x.ndim) if axes is None else [axis % x.ndim for axis in axes.tolist()]
    before = [0] * x.ndim
    after = [0] * x.ndim
    for place, axis in enumerate(chosen):
        before[axis], after[axis] = sides[place], sides[len(sides) // 2 + place]
    if node["mode"] == "constant":
        fill = node.get("value") if value is None else value.item()
        pairs = [side for pair in zip(reversed(before), reversed(after)) for side in pair]
        return functional.pad(x, pairs, value=fill or 0)
    if min(*before, *after) < 0:
        raise unknown(f"Pad of mode {node['mode']} with negative pads")
    for axis, pair in enumerate(zip(before, after)):
        if any(pair):
            rows = np.pad(np.arange(x.shape[axis]), pair, mode=node["mode"])
            x = x.index_select(axis, torch.from_numpy(rows).to(x.device))
    return x


def _depth_to_space(node: Node, x: Tensor) -> Tensor:
    size = node["blocksize"]
    n, c, h, w = x.shape
    if node.get("mode") == "CRD":
        parts = x.reshape(n, c // size**2, size, size, h, w).permute(0, 1, 4, 2, 5, 3)
    else:  # DCR, the only one before opset 11
        parts = x.reshape(n, size, size, c // size**2, h, w).permute(0, 3, 4, 1, 5, 2)
    return parts.reshape(n, c // size**2, h * size, w * size)


def _space_to_depth(node: Node, x: Tensor) -> Tensor:
    size = node["blocksize"]
    n, c, h, w = x.shape
    parts = x.reshape(n, c, h // size, size, w // size, size).permute(0, 3, 5, 1, 2, 4)
    return parts.reshape(n, c * size**2, h // size, w // size)


SHAPES = {
    "Shape": Operator(_shape, (1, 13, 15, 19, 21, 23, 24, 25)),
    "Size": elementwise(_size, 1, 13, 19, 21, 23, 24, 25),
    "Reshape": Operator(_reshape, (5, 13, 14, 19, 21, 23, 24, 25)),
    "Flatten": Operator(_flatten, (1, 9, 11, *_SINCE_13)),
    "Transpose": Operator(_transpose, (1, *_SINCE_13)),
    "Squeeze": Operator(_squeeze, (1, 11, *_SINCE_13)),
    "Unsqueeze": Operator(_unsqueeze, (1, 11, *_SINCE_13)),
    "Concat": Operator(_concat, (4, 11, 13)),
    "Split": Operator(_split, (2, 11, 13, 18)),
    "Slice": Operator(_slice, (1, 10, 11, 13)),
    "Gather": Operator(_gather, (1, 11, 13)),
    "Expand": elementwise(_expand, 8, 13),
    "Tile": elementwise(_tile, 6, 13),
    "Pad": Operator(_pad, (2, 11, 13, 18, 19, 21, 23, 24, 25)),
    "DepthToSpace": Operator(_depth_to_space, (1, 11, 13)),
    "SpaceToDepth": Operator(_space_to_depth, (1, 13)),
}
