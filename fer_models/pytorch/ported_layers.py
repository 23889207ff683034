"""Keras layers as PyTorch modules with the same weights, in evaluation mode.

Modules see maps as (N, C, H, W), Keras as (N, H, W, C). A new layer is a function and an entry of
`LAYERS`. Not here: how layers are connected (`fer_models/pytorch/port.py`).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional


class NotPortableError(Exception):
    """What cannot be ported, in words that follow "it holds"."""


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity,
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softmax": lambda: nn.Softmax(1),
    "log_softmax": lambda: nn.LogSoftmax(1),
    "elu": nn.ELU,
    "silu": nn.SiLU,
}


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """TensorFlow's padding `same` along one axis: before and after; the odd pixel comes after."""
    reach = (kernel - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


class _Same(nn.Module):
    """A convolution or pooling module with TensorFlow's padding `same`."""

    def __init__(
        self,
        inner: nn.Module,
        kernel: tuple[int, int],
        stride: tuple[int, int],
        dilation: tuple[int, int] = (1, 1),
        value: float = 0.0,
    ) -> None:
        super().__init__()
        self.inner = inner
        self._axes, self._value = list(zip(kernel, stride, dilation)), value

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = (same_padding(n, *axis) for n, axis in zip(x.shape[2:], self._axes))
        return self.inner(functional.pad(x, (*columns, *rows), value=self._value))


class _SameAverage(nn.Module):
    """Average pooling that leaves out what is padded, as TensorFlow's does."""

    def __init__(self, kernel: tuple[int, int], stride: tuple[int, int]) -> None:
        super().__init__()
        self._padded = _Same(nn.AvgPool2d(kernel, stride), kernel, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._padded(x) / self._padded(torch.ones_like(x))


class _Flatten(nn.Module):
    """Flatten maps in the order of Keras: rows, columns, channels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x.permute(0, 2, 3, 1) if x.ndim == 4 else x).flatten(1)


class _Rescaling(nn.Module):
    """Multiply and add, by one number or one per channel."""

    def __init__(self, scale: Any, offset: Any) -> None:
        super().__init__()
        for name, value in (("scale", scale), ("offset", offset)):
            tensor = torch.tensor(value, dtype=torch.float32)
            self.register_buffer(name, tensor.reshape(-1, 1, 1) if tensor.ndim else tensor)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale + self.offset


class _Mean(nn.Module):
    """Mean or largest value over rows and columns."""

    def __init__(self, largest: bool, keepdims: bool) -> None:
        super().__init__()
        self._largest, self._keepdims = largest, keepdims

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pool = torch.amax if self._largest else torch.mean
        return pool(x, dim=(2, 3), keepdim=self._keepdims)


class _Sum(nn.Module):
    """The sum of several maps."""

    def forward(self, *maps: torch.Tensor) -> torch.Tensor:
        return sum(maps[1:], start=maps[0])


class _Average(_Sum):
    """The mean of several maps."""

    def forward(self, *maps: torch.Tensor) -> torch.Tensor:
        return super().forward(*maps) / len(maps)


class _Join(nn.Module):
    """Several maps, one behind the other along the channels."""

    def forward(self, *maps: torch.Tensor) -> torch.Tensor:
        return torch.cat(maps, dim=1)


def _filled(module: nn.Module, **arrays: np.ndarray | None) -> nn.Module:
    """A module with these weights."""
    with torch.no_grad():
        for name, array in arrays.items():
            if array is not None:
                getattr(module, name).copy_(torch.tensor(np.ascontiguousarray(array)))
    return module


def _convolution(
    layer: Any, kernel: np.ndarray, bias: np.ndarray | None, groups: int, plain: bool = False
) -> nn.Module:
    """A convolution with a kernel (out, in / groups, h, w); `plain` is 1x1 without settings."""
    size = kernel.shape[2:]
    stride, dilation = ((1, 1), (1, 1)) if plain else (layer.strides, layer.dilation_rate)
    stride, dilation = (_pair(each) for each in (stride, dilation))
    incoming, outgoing = kernel.shape[1] * groups, kernel.shape[0]
    conv = nn.Conv2d(incoming, outgoing, size, stride, 0, dilation, groups, bias=bias is not None)
    filled = _filled(conv, weight=kernel, bias=bias)
    if plain or layer.padding == "valid":
        return filled
    if layer.padding != "same":
        raise NotPortableError(f"padding {layer.padding!r}")
    if stride == (1, 1) and all((n - 1) * d % 2 == 0 for n, d in zip(size, dilation)):
        conv.padding = tuple((n - 1) * d // 2 for n, d in zip(size, dilation))  # even: its own
        conv._reversed_padding_repeated_twice = [p for p in reversed(conv.padding) for _ in "ab"]
        return filled
    return _Same(filled, size, stride, dilation)


def _pair(value: Any) -> tuple[int, int]:
    rows, columns = (value, value) if isinstance(value, int) else value
    return int(rows), int(columns)


def _weights(layer: Any) -> tuple[list[np.ndarray], np.ndarray | None]:
    """Kernels of a layer, and its bias."""
    arrays = layer.get_weights()
    return (arrays[:-1], arrays[-1]) if layer.use_bias else (arrays, None)


def _conv(layer: Any) -> nn.Module:
    (kernel,), bias = _weights(layer)
    return _convolution(layer, kernel.transpose(3, 2, 0, 1), bias, layer.groups)


def _depthwise_kernel(kernel: np.ndarray) -> np.ndarray:
    """(h, w, in, multiplier) as (in * multiplier, 1, h, w)."""
    height, width, channels, multiplier = kernel.shape
    return kernel.reshape(height, width, 1, channels * multiplier).transpose(3, 2, 0, 1)


def _depthwise(layer: Any) -> nn.Module:
    (kernel,), bias = _weights(layer)
    return _convolution(layer, _depthwise_kernel(kernel), bias, kernel.shape[2])


def _separable(layer: Any) -> nn.Module:
    (deep, point), bias = _weights(layer)
    return nn.Sequential(
        _convolution(layer, _depthwise_kernel(deep), None, deep.shape[2]),
        _convolution(layer, point.transpose(3, 2, 0, 1), bias, 1, plain=True),
    )


def _dense(layer: Any) -> nn.Module:
    (kernel,), bias = _weights(layer)
    if len(layer.input.shape) != 2:
        raise NotPortableError("a dense layer over maps")
    return _filled(nn.Linear(*kernel.shape, bias=bias is not None), weight=kernel.T, bias=bias)


def _batch_normalisation(layer: Any) -> nn.Module:
    dims = len(layer.input.shape)
    if dims not in (2, 4) or layer.axis not in (-1, dims - 1):
        raise NotPortableError("a batch normalisation that is not over channels")
    kind = nn.BatchNorm2d if dims == 4 else nn.BatchNorm1d
    module = kind(layer.input.shape[-1], eps=layer.epsilon, momentum=1 - layer.momentum)
    gamma = np.asarray(layer.gamma) if layer.scale else None
    beta = np.asarray(layer.beta) if layer.center else None
    mean, variance = np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)
    return _filled(module, weight=gamma, bias=beta, running_mean=mean, running_var=variance)


def _max_pool(layer: Any) -> nn.Module:
    kernel, stride = _pair(layer.pool_size), _pair(layer.strides)
    pool = nn.MaxPool2d(kernel, stride)
    same = layer.padding == "same"
    return _Same(pool, kernel, stride, value=float("-inf")) if same else pool


def _average_pool(layer: Any) -> nn.Module:
    kernel, stride = _pair(layer.pool_size), _pair(layer.strides)
    return _SameAverage(kernel, stride) if layer.padding == "same" else nn.AvgPool2d(kernel, stride)


def _relu(layer: Any) -> nn.Module:
    if layer.threshold or (layer.max_value is not None and layer.negative_slope):
        raise NotPortableError("a ReLU with a threshold, or capped and leaky")
    if layer.max_value is not None:
        return nn.Hardtanh(0.0, float(layer.max_value))
    return nn.LeakyReLU(float(layer.negative_slope)) if layer.negative_slope else nn.ReLU()


def _join(layer: Any) -> nn.Module:
    if layer.axis not in (-1, len(layer.output.shape) - 1):
        raise NotPortableError("a concatenation that is not along the channels")
    return _Join()


def _resize(operation: Any) -> nn.Module:
    """`keras.ops.image.resize`."""
    cut = operation.crop_to_aspect_ratio or operation.pad_to_aspect_ratio
    if operation.interpolation != "bilinear" or operation.antialias or cut:
        raise NotPortableError("a resize that is not plainly bilinear")
    return nn.Upsample(operation.size, mode="bilinear", align_corners=False)


def _zero_padding(layer: Any) -> nn.Module:
    rows, columns = layer.padding
    return nn.ZeroPad2d((*columns, *rows))


LAYERS: dict[str, Callable[[Any], nn.Module]] = {
    "Activation": lambda layer: nn.Identity(),  # `ported_layer` adds the activation of any layer
    "Add": lambda layer: _Sum(),
    "Average": lambda layer: _Average(),
    "AveragePooling2D": _average_pool,
    "BatchNormalization": _batch_normalisation,
    "Concatenate": _join,
    "Conv2D": _conv,
    "Dense": _dense,
    "DepthwiseConv2D": _depthwise,
    "Dropout": lambda layer: nn.Dropout(layer.rate),
    "Flatten": lambda layer: _Flatten(),
    "GaussianNoise": lambda layer: nn.Identity(),
    "GlobalAveragePooling2D": lambda layer: _Mean(False, layer.keepdims),
    "GlobalMaxPooling2D": lambda layer: _Mean(True, layer.keepdims),
    "MaxPooling2D": _max_pool,
    "ReLU": _relu,
    "Rescaling": lambda layer: _Rescaling(layer.scale, layer.offset),
    "Resize": _resize,
    "SeparableConv2D": _separable,
    "ZeroPadding2D": _zero_padding,
}
"""Keras layers, and operations, by the name of their class."""


def ported_layer(layer: Any) -> nn.Module:
    """The module of a Keras layer that has been called, its activation included.

    Raises:
        NotPortableError: the layer, or a setting of it, is not known here.
    """
    kind = type(layer).__name__
    if kind not in LAYERS:
        raise NotPortableError(f"{kind} ({layer.name})")
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise NotPortableError("channels before rows and columns")
    module = LAYERS[kind](layer)
    name = getattr(getattr(layer, "activation", None), "__name__", "linear")
    if name not in ACTIVATIONS:
        raise NotPortableError(f"the activation {name!r}")
    return module if name == "linear" else nn.Sequential(module, ACTIVATIONS[name]())
