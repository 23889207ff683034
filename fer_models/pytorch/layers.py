"""Look at the layers of a PyTorch module while it is called, by hooks; at the steps of a graph."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from fer_models.pytorch.map_steps import map_steps, step_changed


def map_sizes(module: torch.nn.Module, inputs: torch.Tensor) -> dict[str, tuple[int, int]]:
    """Rows and columns of each layer whose output is a map, in the order in which they answered.

    Those of its steps, where no layer has a map.

    Args:
        module: is called once or twice; it may change what it is given.
        inputs: (N, C, H, W) for it, N at least 2.
    """
    sizes: dict[str, tuple[int, int]] = {}

    def note(name: str) -> Any:
        def hook(_: torch.nn.Module, __: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor) and output.ndim == 4 and len(output) == len(inputs):
                sizes.pop(name, None)
                sizes[name] = (int(output.shape[2]), int(output.shape[3]))

        return hook

    handles = [each.register_forward_hook(note(name)) for name, each in _layers(module)]
    try:
        module(inputs.clone())
    finally:
        for handle in handles:
            handle.remove()
    return sizes or map_steps(module, inputs)


@contextmanager
def output_kept(module: torch.nn.Module, layer: str) -> Iterator[list[torch.Tensor]]:
    """While it is active, what a layer answers is kept, as a leaf that gradients stop at.

    Args:
        module: the net.
        layer: one of `map_sizes`.

    Yields:
        The outputs (N, F, h, w) of the layer, one per call of it.
    """
    kept: list[torch.Tensor] = []

    def keep(output: torch.Tensor) -> torch.Tensor:
        kept.append(output.detach().clone().requires_grad_(torch.is_grad_enabled()))
        return kept[-1].clone()  # later layers may work in place

    layers = dict(_layers(module))
    if layer not in layers:
        with step_changed(layer, keep):
            yield kept
        return
    handle = layers[layer].register_forward_hook(lambda _, __, output: keep(output))
    try:
        yield kept
    finally:
        handle.remove()


def _layers(module: torch.nn.Module) -> list[tuple[str, torch.nn.Module]]:
    """Named layers; the whole module is none, and TorchScript takes no hooks."""
    return [
        (name, each)
        for name, each in module.named_modules()
        if name and not isinstance(each, torch.jit.ScriptModule)
    ]
