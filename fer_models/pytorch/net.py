"""A PyTorch net, from a file or code, as an opened model with gradients."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

import numpy as np
import torch

from fer_models.classifier import ModelError
from fer_models.foreign.raw_model import RawModel, outputs_of, unnamed
from fer_models.pytorch.eval_mode import eval_mode
from fer_models.pytorch.pixels import in_rows
from fer_models.pytorch.script_softmax import WithoutSoftmax, without_softmax
from fer_models.pytorch.weights import example_weight

Pick = Callable[[Any], Any]
"""From the answer of a net of several outputs to the one that is wanted."""


class OneOutput(torch.nn.Module):
    """A net that answers one tensor, whatever the net inside answers."""

    def __init__(self, net: torch.nn.Module, name: str, pick: Pick | None = None) -> None:
        """Take a net, its name for errors, and which output is wanted if there are several."""
        super().__init__()
        self.net, self.name, self.pick = net, name, pick

    def eval(self) -> Self:
        """Call `eval` of the net inside, which may do more, or less, than that of PyTorch."""
        self.training = False
        self.net.eval()
        return self

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The wanted output, else the only one.

        Raises:
            ModelError: several, and none is wanted.
        """
        answer = self.net(images)
        if self.pick is not None:
            return self.pick(answer)
        named = outputs_of(answer)
        if len(named) > 1:
            raise ModelError(unnamed(self.name, list(named)))
        return next(iter(named.values())) if named else answer


def torch_net(
    name: str,
    net: torch.nn.Module,
    sha256: str,
    shape: tuple[int, int, int] | None = None,
    pick: Pick | None = None,
) -> RawModel:
    """Take a PyTorch net, and put it into evaluation mode: nets that code builds are in training.

    The softmax that ends a TorchScript net is removed here; others when the net is wrapped.

    Args:
        name: path or `module:callable`.
        net: takes float32 (N, c, h, w), answers (N, K), or several such outputs.
        sha256: hash of its files.
        shape: (h, w, c) of its input, None where nothing says it.
        pick: the wanted output, if there are several.
    """
    script = without_softmax(net) if isinstance(net, torch.jit.ScriptModule) else None
    module = OneOutput(script or net, name, pick)
    with suppress(NotImplementedError):  # a graph of `torch.export` has no modes
        module.eval()

    def call(images: np.ndarray) -> np.ndarray:
        with torch.no_grad(), eval_mode(module):
            answer = module(_tensor(module, images))
        if not isinstance(answer, torch.Tensor):
            raise TypeError(f"it returns {type(answer).__name__}, not a tensor")
        array: np.ndarray = answer.detach().cpu().float().numpy()
        return array

    removed = isinstance(module.net, WithoutSoftmax)
    return RawModel(name, call, shape, None, sha256, removed, torch_module=module)


def with_output(raw: RawModel, module: OneOutput, pick: Pick) -> RawModel:
    """The same net with one of its outputs alone."""
    return torch_net(raw.name, module.net, raw.sha256, raw.shape, pick)


def _tensor(module: torch.nn.Module, images: np.ndarray) -> torch.Tensor:
    """Images (N, h, w, c) as (N, c, h, w), on the device and in the number format of the net."""
    example = example_weight(module)
    pixels = in_rows(torch.from_numpy(images.copy()).permute(0, 3, 1, 2))  # no negative strides
    return pixels.to(device=example.device, dtype=example.dtype)
