"""Evaluation mode for the length of a call: no dropout, batch normalisation by stored averages.

And what a net of the caller has back after it was measured: it is not copied, since PyTorch copies
no tensors that were computed, and the hooks of a copy may belong to the net that it is a copy of.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def eval_mode(module: torch.nn.Module) -> Iterator[None]:
    """Put a module and all inside into evaluation mode; afterwards each has the mode it had.

    A graph of `torch.export` has its mode written into its steps and stays as it is.
    """
    training = [each for each in module.modules() if each.training]
    if training:
        try:
            module.eval()
        except NotImplementedError:  # what a graph of `torch.export` answers
            training = []
    try:
        yield
    finally:
        for each in training:
            each.training = True


@contextmanager
def left_as_given(module: torch.nn.Module) -> Iterator[None]:
    """Afterwards a module and all inside have the modes and buffers that they had."""
    modes = [(each, each.training) for each in module.modules()]
    buffers = [(each, each.detach().clone()) for each in module.buffers()]
    try:
        yield
    finally:
        for each, mode in modes:
            each.training = mode
        with torch.no_grad():
            for buffer, value in buffers:
                if not torch.equal(buffer, value):
                    buffer.resize_(value.shape).copy_(value)
