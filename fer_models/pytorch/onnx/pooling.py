"""Poolings: the largest or the mean element of windows, or of whole images."""

from math import inf, prod

import torch
from torch import Tensor
from torch.nn import functional

from fer_models.pytorch.onnx.operator import Node, Operator
from fer_models.pytorch.onnx.windows import Windows, padded, windows_of

_LARGEST = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
_CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}


def _max_pool(node: Node, images: Tensor) -> Tensor:
    windows, _ = _windows(node, images)
    pool = _LARGEST[len(windows.kernel)]
    images = padded(images, windows.before, windows.after, -inf)
    return pool(images, windows.kernel, windows.strides, dilation=windows.dilations)


def _average_pool(node: Node, images: Tensor) -> Tensor:
    """Sums of the windows, divided by the number of their elements that count."""
    windows, extra = _windows(node, images)
    counted = torch.ones_like(images[:1, :1])
    if node["count_include_pad"]:
        inside = tuple(side - more for side, more in zip(windows.after, extra))
        counted = padded(counted, windows.before, inside, 1.0)
        counts = _sums(padded(counted, (0,) * len(extra), extra, 0.0), windows)
    else:
        counts = _sums(padded(counted, windows.before, windows.after, 0.0), windows)
    return _sums(padded(images, windows.before, windows.after, 0.0), windows) / counts


def _sums(images: Tensor, windows: Windows) -> Tensor:
    """Sum of each window."""
    if windows.dilations == (1,) * len(windows.kernel) and len(windows.kernel) == 2:
        means = functional.avg_pool2d(images, windows.kernel, windows.strides)
        return means * prod(windows.kernel)
    channels = images.shape[1]
    ones = images.new_ones((channels, 1, *windows.kernel))
    convolve = _CONVOLUTIONS[len(windows.kernel)]
    return convolve(images, ones, None, windows.strides, 0, windows.dilations, channels)


def _windows(node: Node, images: Tensor) -> tuple[Windows, tuple[int, ...]]:
    """Windows of a pooling, and how much `ceil_mode` adds to the padding behind.

    With `ceil_mode` a last window may reach over the end, if it begins before it.
    """
    windows = windows_of(node, images, tuple(node["kernel_shape"]))
    extra = []
    for side, span, stride, before, after in zip(
        images.shape[2:], windows.spans, windows.strides, windows.before, windows.after
    ):
        more = 0
        if node.get("ceil_mode"):
            steps = -(-(side + before + after - span) // stride)
            if steps * stride >= side + before:
                steps -= 1
            more = max(steps * stride + span - (side + before + after), 0)
        extra.append(more)
    longer = tuple(side + more for side, more in zip(windows.after, extra))
    return windows._replace(after=longer), tuple(extra)


def _global_average_pool(node: Node, images: Tensor) -> Tensor:
    return images.mean(dim=tuple(range(2, images.ndim)), keepdim=True)


def _global_max_pool(node: Node, images: Tensor) -> Tensor:
    return images.amax(dim=tuple(range(2, images.ndim)), keepdim=True)


POOLINGS = {
    "MaxPool": Operator(_max_pool, (1, 8, 10, 11, 12, 22)),
    "AveragePool": Operator(_average_pool, (7, 10, 11, 19, 22)),
    "GlobalAveragePool": Operator(_global_average_pool, (1, 22)),
    "GlobalMaxPool": Operator(_global_max_pool, (1, 22)),
}
