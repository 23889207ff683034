"""Sliding windows: kernel, strides, dilations and padding of convolutions and poolings."""

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional

from fer_models.pytorch.onnx.operator import Node


class Windows(NamedTuple):
    """How windows slide over the last dimensions; every field has one value per dimension.

    Attributes:
        kernel: size of a window.
        strides: steps between windows.
        dilations: steps between the elements of a window.
        before: padding in front.
        after: padding behind; it may be negative where the last elements are not reached.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def spans(self) -> list[int]:
        """Elements from the first to the last of a window, per dimension."""
        return [(size - 1) * gap + 1 for size, gap in zip(self.kernel, self.dilations)]


def windows_of(node: Node, images: Tensor, kernel: tuple[int, ...]) -> Windows:
    """Read the windows of a convolution or pooling from its attributes.

    Args:
        node: has `auto_pad`, `pads`, `strides` and `dilations`.
        images: (N, C, ...).
        kernel: size of a window.
    """
    rank = len(kernel)
    ones = (1,) * rank
    strides = tuple(node.get("strides") or ones)
    dilations = tuple(node.get("dilations") or ones)
    pads = tuple(node.get("pads") or (0,) * 2 * rank)
    windows = Windows(kernel, strides, dilations, pads[:rank], pads[rank:])
    if node["auto_pad"] == "NOTSET":
        return windows
    if node["auto_pad"] == "VALID":
        return windows._replace(before=(0,) * rank, after=(0,) * rank)
    before, after = [], []
    for side, span, stride in zip(images.shape[2:], windows.spans, strides):
        total = max((-(-side // stride) - 1) * stride + span - side, 0)
        small, large = total // 2, total - total // 2
        upper = node["auto_pad"] == "SAME_UPPER"
        before.append(small if upper else large)
        after.append(large if upper else small)
    return windows._replace(before=tuple(before), after=tuple(after))


def padded(images: Tensor, before: tuple[int, ...], after: tuple[int, ...], value: float) -> Tensor:
    """Pad the last dimensions of images with a value; negative padding cuts."""
    pairs = [side for pair in zip(reversed(before), reversed(after)) for side in pair]
    return functional.pad(images, pairs, value=value) if any(pairs) else images
