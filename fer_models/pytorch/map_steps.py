"""Steps of a PyTorch graph whose output is a map, numbered in the order in which they are called.

Graphs of `torch.export` and translated ONNX files have no layers with names, but their steps are
functions of PyTorch. Convolutions and poolings make maps (N, F, h, w); what works on each element
hands them on. Other steps, which may give the dimensions another meaning, end them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import ReferenceType, ref

import torch
from torch.overrides import TorchFunctionMode

_MAKE = {
    "conv2d", "convolution", "conv_transpose2d", "max_pool2d", "max_pool2d_with_indices",
    "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d",
}  # fmt: skip
_HAND_ON = {
    "relu", "relu6", "leaky_relu", "prelu", "elu", "celu", "selu", "gelu", "silu", "mish",
    "sigmoid", "tanh", "hardtanh", "hardswish", "hardsigmoid", "softplus", "softsign", "add", "sub",
    "mul", "div", "clamp", "maximum", "minimum", "where", "cat", "dropout", "dropout2d",
    "feature_dropout", "batch_norm", "native_batch_norm", "native_batch_norm_legit_no_training",
    "group_norm", "native_group_norm", "instance_norm", "clone", "contiguous", "detach",
}  # fmt: skip
"""Names without the underscores around them."""


class _MapSteps(TorchFunctionMode):
    """While it is active, every step with a map is numbered and given to a function.

    Not seen are the steps inside TorchScript.
    """

    def __init__(self, change: Callable[[str, torch.Tensor], torch.Tensor]) -> None:
        """Take a function of a step's name and map that returns the map to continue with."""
        super().__init__()
        self._change, self._count = change, 0
        self._maps: dict[int, ReferenceType[torch.Tensor]] = {}

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        answer = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "").partition(".")[0].strip("_")
        first = answer[0] if isinstance(answer, tuple) and answer else answer
        if not isinstance(first, torch.Tensor) or not self._is_map(name, first, args):
            return answer
        self._count += 1
        changed = self._change(f"{name}_{self._count}", first)
        self._maps[id(changed)] = ref(changed)
        return (changed, *answer[1:]) if isinstance(answer, tuple) else changed

    def _is_map(self, name: str, answer: torch.Tensor, args: tuple) -> bool:
        if answer.ndim != 4:
            return False
        if name in _MAKE:
            return True
        given = [part for arg in args for part in (arg if isinstance(arg, list | tuple) else [arg])]
        return name in _HAND_ON and any(
            self._knows(each) and each.shape[2:] == answer.shape[2:] for each in given
        )

    def _knows(self, value: Any) -> bool:
        known = self._maps.get(id(value))
        return known is not None and known() is value


def map_steps(module: torch.nn.Module, inputs: torch.Tensor) -> dict[str, tuple[int, int]]:
    """Rows and columns of each step whose output is a map, in the order of the calls.

    Args:
        module: is called once.
        inputs: (N, C, H, W) for it, N at least 2: maps of single images are left out.
    """
    sizes: dict[str, tuple[int, int]] = {}

    def note(name: str, output: torch.Tensor) -> torch.Tensor:
        if len(output) == len(inputs):
            sizes[name] = (int(output.shape[2]), int(output.shape[3]))
        return output

    with _MapSteps(note):
        module(inputs)
    return sizes


@contextmanager
def step_changed(step: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
    """While it is active, the map of a step of `map_steps` is replaced."""
    with _MapSteps(lambda name, output: change(output) if name == step else output):
        yield
