"""Evaluation mode for the length of a call: no dropout, batch normalisation by stored averages."""

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
