"""What the weights of a PyTorch module say of it: its device and number format, its identity."""

from hashlib import sha256
from itertools import chain

import torch


def example_weight(module: torch.nn.Module) -> torch.Tensor:
    """A weight of the module, for its device and number format; float32 where it has none."""
    weights = chain(module.parameters(), module.buffers())
    return next((w for w in weights if w.is_floating_point()), torch.empty(0))


def hash_of_weights(module: torch.nn.Module, of: object) -> str:
    """Hex sha256 of all weights with their names, and of the text of what they are weights of."""
    digest = sha256(repr(of).encode())
    for name, tensor in chain(module.named_parameters(), module.named_buffers()):
        bytes_ = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest.update(name.encode() + bytes_.numpy().tobytes())
    return digest.hexdigest()
