"""What the weights of a PyTorch module say of it: its device and number format, its identity."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from itertools import chain
from typing import Any

import torch


def example_weight(module: torch.nn.Module) -> torch.Tensor:
    """A weight of the module, for its device and number format; float32 where it has none."""
    weights = chain(module.parameters(), module.buffers())
    return next((w for w in weights if w.is_floating_point()), torch.empty(0))


def hash_of_weights(module: torch.nn.Module, of: object) -> str:
    """Hex sha256 of all weights with their names, and of the text of what they are weights of."""
    digest = sha256(repr(of).encode())
    for name, tensor in chain(module.named_parameters(), module.named_buffers(), _packed(module)):
        whole = tensor.detach().dequantize() if tensor.is_quantized else tensor.detach()
        bytes_ = whole.cpu().contiguous().flatten().view(torch.uint8)
        digest.update(name.encode() + bytes_.numpy().tobytes())
    return digest.hexdigest()


def _packed(module: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Weights that are neither parameters nor buffers, as those of quantised layers."""
    known = {id(each) for each in chain(module.parameters(), module.buffers())}
    for name, value in module.state_dict(keep_vars=True).items():
        if id(value) not in known:  # weights of several layers have several names
            yield from ((name, tensor) for tensor in _tensors(value))
    for name, inner in module.named_modules():
        value = getattr(inner, "_packed_params", None)
        if isinstance(inner, torch.jit.ScriptModule) and isinstance(value, torch.ScriptObject):
            yield from ((name, tensor) for tensor in _tensors(value.__getstate__()))


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    """All tensors inside a value, in their order."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        yield from chain.from_iterable(map(_tensors, value.values()))
    elif isinstance(value, list | tuple):
        yield from chain.from_iterable(map(_tensors, value))
