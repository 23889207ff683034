"""Leave out the final softmax of a PyTorch module, so that attacks see its logits (rule R10)."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_SOFTMAXES = {
    functional.softmax,
    torch.softmax,
    torch.special.softmax,
    torch.Tensor.softmax,
    torch.ops.aten.softmax.int,
    torch.ops.aten._softmax.default,
}


class _LastSoftmax(TorchFunctionMode):
    """While it is active it keeps what the last softmax was given and what it answered."""

    given: torch.Tensor | None = None
    answer: torch.Tensor | None = None

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        answer = func(*args, **(kwargs or {}))
        if func in _SOFTMAXES:
            self.given, self.answer = next(iter((*args, *(kwargs or {}).values()))), answer
        return answer


def before_softmax(module: torch.nn.Module, inputs: torch.Tensor) -> torch.Tensor | None:
    """What the module's last step, a softmax over classes, is given; None if there is none.

    Steps inside TorchScript are not seen.

    Args:
        module: answers probabilities (N, K).
        inputs: a batch for it.
    """
    with _LastSoftmax() as last:
        answer = module(inputs)
    if last.given is None or last.answer is not answer:
        return None
    return last.given
