"""An ONNX model as a PyTorch module, compared with the answers of ONNX Runtime."""

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from fer_models.classifier import NoTranslationError
from fer_models.pytorch.onnx.net import OnnxNet
from fer_models.without_gradients import NOT_FINITE

TOLERANCE = 1e-4
"""Largest difference to ONNX Runtime, as a share of an image's largest logit if that exceeds 1."""


class Layout(StrEnum):
    """The order in which a graph takes the pixels of an image."""

    CHANNELS_FIRST = "channels first"
    CHANNELS_LAST = "channels last"
    NO_CHANNELS = "rows and columns"
    FLAT = "one row of all pixels"


class _Arranged(nn.Module):
    """A graph behind the order of its pixels, and the chosen columns of its output."""

    def __init__(self, net: OnnxNet, layout: Layout, columns: Sequence[int]) -> None:
        super().__init__()
        self.net, self._layout, self._columns = net, layout, list(columns)

    def forward(self, images: Tensor) -> Tensor:
        answer: Tensor = self.net(_arranged(images, self._layout))
        return answer[:, self._columns]


def _arranged(images: Tensor, layout: Layout) -> Tensor:
    """Images (N, C, height, width) as a graph takes them."""
    match layout:
        case Layout.CHANNELS_FIRST:
            return images
        case Layout.CHANNELS_LAST:
            return images.permute(0, 2, 3, 1)
        case Layout.NO_CHANNELS:
            return images[:, 0]
        case Layout.FLAT:
            return images.permute(0, 2, 3, 1).reshape(len(images), -1)


def translate(
    model: onnx.ModelProto,
    output: str,
    layout: Layout,
    columns: Sequence[int],
    images: np.ndarray,
    expected: np.ndarray,
) -> nn.Module:
    """Translate a model and compare it with ONNX Runtime; it has to have a gradient, too.

    Args:
        model: the whole model.
        output: name of the output (N, ...) that holds the emotions.
        layout: in which the graph takes its images.
        columns: of the output, in the order of the classes.
        images: float32 (N, height, width, C), scaled as the graph expects, N at least 2.
        expected: ONNX Runtime's answers in these columns, float (N, K).

    Returns:
        A module that takes (N, C, height, width) and returns (N, K).

    Raises:
        NoTranslationError: a part of the graph is not known, the answers differ, or the gradient is
            zero on every image, or NaN or infinite on one.
    """
    module = _Arranged(OnnxNet(model, output), layout, columns)
    batch = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    difference = _difference(module, batch, expected)
    if difference > TOLERANCE:
        raise NoTranslationError(
            f"its translation to PyTorch differs from ONNX Runtime by up to {difference:.2g} on "
            f"{len(images)} faces; at most {TOLERANCE:g} is allowed"
        )
    batch.requires_grad_()
    (gradient,) = torch.autograd.grad(
        module(batch).max(dim=1).values.sum(), batch, allow_unused=True, materialize_grads=True
    )
    if broken := int((~gradient.isfinite()).flatten(1).any(dim=1).sum()):
        raise NoTranslationError(NOT_FINITE.format(broken, len(images)))
    if not gradient.any():
        raise NoTranslationError(f"its gradient is zero on each of {len(images)} faces")
    return module


def _difference(module: _Arranged, batch: Tensor, expected: np.ndarray) -> float:
    """Largest difference of the answers; infinite where one is NaN.

    Raises:
        NoTranslationError: they are of another shape.
    """
    with torch.no_grad():
        answers = module(batch).numpy()
    if answers.shape != expected.shape:
        raise NoTranslationError(
            f"its translation to PyTorch returns {answers.shape} for {len(expected)} faces"
        )
    largest = np.maximum(np.abs(expected).max(axis=1, keepdims=True), 1)
    difference = (np.abs(answers - expected) / largest).max()
    return np.inf if np.isnan(difference) else float(difference)
