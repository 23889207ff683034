"""Leave out the final softmax of a PyTorch module, so that attacks see its logits (rule R10)."""

from collections.abc import Callable
from typing import Any, NamedTuple

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
    """While it is active it keeps what the last softmax was given and what it answered.

    Attributes:
        given: what it was given.
        answer: what it answered.
        before: of both, what a later step in place would change.
    """

    given: torch.Tensor | None = None
    answer: torch.Tensor | None = None
    before: tuple[torch.Tensor | int, torch.Tensor | int] = (0, 0)

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        answer = func(*args, **(kwargs or {}))
        if func in _SOFTMAXES:
            values = (*args, *(kwargs or {}).values())  # the axis may be named first
            self.given = next(each for each in values if isinstance(each, torch.Tensor))
            self.answer = answer
            self.before = _state(self.given), _state(answer)
        return answer


def _state(tensor: torch.Tensor) -> torch.Tensor | int:
    """How often a tensor was changed in place; a copy in inference mode, which does not count."""
    return tensor.clone() if tensor.is_inference() else tensor._version


def _is_unchanged(tensor: torch.Tensor, before: torch.Tensor | int) -> bool:
    """Whether a tensor is as it was."""
    if isinstance(before, torch.Tensor):
        return torch.equal(tensor, before)
    return tensor._version == before


class Ending(NamedTuple):
    """How a module ends.

    Attributes:
        answer: what it answers.
        given: what its last step, a softmax over classes, is given; None if there is none.
    """

    answer: Any
    given: torch.Tensor | None


def ending(module: torch.nn.Module, inputs: torch.Tensor) -> Ending:
    """Call a module once; steps inside TorchScript are not seen, see `script_softmax.py`.

    Args:
        module: the net.
        inputs: a batch for it.
    """
    with _LastSoftmax() as last:
        answer = module(inputs)
    if last.given is None or last.answer is not answer:
        return Ending(answer, None)
    is_last = all(map(_is_unchanged, (last.given, answer), last.before))
    return Ending(answer, last.given if is_last else None)
