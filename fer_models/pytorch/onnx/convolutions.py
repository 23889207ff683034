"""`Conv` and `ConvTranspose`, in one to three dimensions."""

from torch import Tensor
from torch.nn import functional

from fer_models.pytorch.onnx.operator import Node, Operator
from fer_models.pytorch.onnx.windows import padded, windows_of

_CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_TRANSPOSED = {
    1: functional.conv_transpose1d,
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}


def _conv(node: Node, images: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    windows = windows_of(node, images, tuple(kernel.shape[2:]))
    symmetric = windows.before == windows.after
    return _CONVOLUTIONS[len(windows.kernel)](
        images if symmetric else padded(images, windows.before, windows.after, 0.0),
        kernel,
        bias,
        windows.strides,
        windows.before if symmetric else 0,
        windows.dilations,
        node["group"],
    )


def _conv_transpose(
    node: Node, images: Tensor, kernel: Tensor, bias: Tensor | None = None
) -> Tensor:
    """The whole answer, of which padding cuts the borders.

    The output padding adds what lies behind, zeros that no window reaches.
    """
    rank = kernel.ndim - 2
    strides = tuple(node.get("strides") or (1,) * rank)
    dilations = tuple(node.get("dilations") or (1,) * rank)
    pads = node.get("pads") or (0,) * 2 * rank
    behind = node.get("output_padding") or (0,) * rank
    whole = _TRANSPOSED[rank](images, kernel, None, strides, 0, 0, node["group"], dilations)
    before, after = [], []
    shape = node.get("output_shape")
    for place in range(rank):
        side = whole.shape[2 + place] + behind[place]
        start, end = pads[place], pads[rank + place]
        if shape or node["auto_pad"].startswith("SAME"):
            wanted = shape[-rank:][place] if shape else images.shape[2 + place] * strides[place]
            total = side - wanted
            small, large = total // 2, total - total // 2
            upper = node["auto_pad"] == "SAME_UPPER"
            start, end = (small, large) if upper else (large, small)
        elif node["auto_pad"] == "VALID":
            start, end = 0, 0
        before.append(-start)
        after.append(behind[place] - end)
    answer = padded(whole, tuple(before), tuple(after), 0.0)
    return answer if bias is None else answer + bias.reshape(-1, *(1,) * rank)


CONVOLUTIONS = {
    "Conv": Operator(_conv, (1, 11, 22)),
    "ConvTranspose": Operator(_conv_transpose, (1, 11, 22)),
}
