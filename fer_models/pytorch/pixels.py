"""What a PyTorch module is fed: the contract's size, channels, steps and scaling, in PyTorch.

The same as `fer_models/pixels/in_keras.py`, with rows and columns behind the channels; tests hold
them together.
"""

from collections.abc import Callable

import torch

from fer_models.contract import Contract, PixelStep
from fer_models.pixels.in_numpy import GREY
from fer_models.pixels.resampling import resize_weights


def fit_to_contract(images: torch.Tensor, contract: Contract) -> torch.Tensor:
    """What the module is fed, (N, C', H', W'), for images (N, C, H, W) in [0, 1]."""
    if images.shape[1] != contract.channels:
        images = (
            images.expand(-1, 3, -1, -1)
            if contract.channels == 3
            else torch.einsum("nchw,c->nhw", images, _constant(GREY, images))[:, None]
        )
    height, width = images.shape[2:]
    if contract.resized or (height, width) != (contract.height, contract.width):
        weights = resize_weights(height, width, contract)
        rows, columns = (torch.tensor(each, device=images.device) for each in weights)
        images = _stored(rows @ _stored(images @ columns.T, contract), contract)
    for step in contract.steps:
        images = _STEPS[step](images)
    if (contract.low, contract.high) != (0.0, 1.0):
        images = images * (contract.high - contract.low) + contract.low
    if (contract.mean, contract.std) != ((0.0,), (1.0,)):
        mean, std = (_constant(v, images).reshape(-1, 1, 1) for v in (contract.mean, contract.std))
        images = (images - mean) / std
    return images


def in_rows(images: torch.Tensor) -> torch.Tensor:
    """The same images (N, C, H, W), channel by channel in memory.

    With channels last, so do the outputs of convolutions lie, and `view`, with which most nets
    flatten them, would fail. `contiguous` leaves images of one channel as they are.
    """
    return images.clone(memory_format=torch.contiguous_format)


def _stored(images: torch.Tensor, contract: Contract) -> torch.Tensor:
    """In steps of 1/255 where the contract says so; the gradient is that of the identity."""
    if not contract.eight_bit_resize:
        return images
    steps = (images.clamp(0, 1) * 255 + 0.5).floor() / 255  # PIL rounds halves up
    return images + (steps - images).detach()


def _constant(values: tuple[float, ...], images: torch.Tensor) -> torch.Tensor:
    return torch.tensor(values, dtype=images.dtype, device=images.device)


def _standardise(images: torch.Tensor) -> torch.Tensor:
    """Each image minus its mean, divided by its standard deviation; a constant one becomes 0."""
    mean = images.mean((1, 2, 3), keepdim=True)
    variance = (images - mean).square().mean((1, 2, 3), keepdim=True)
    least = 1 / (255 * images[0].numel() ** 0.5)
    return (images - mean) / variance.clamp(min=least**2).sqrt()


def _equalise(images: torch.Tensor) -> torch.Tensor:
    """Histogram equalisation of each channel with 256 levels; its gradient is the identity."""
    pixels = images.shape[2] * images.shape[3]
    inside = images.detach().clamp(0, 1)  # cubic resampling overshoots
    rows = (inside * 255).round().long().reshape(-1, pixels)
    counts = torch.zeros(len(rows), 256, device=images.device)
    counts.scatter_add_(1, rows, torch.ones_like(rows, dtype=torch.float32))
    count = counts.cumsum(1).gather(1, rows)  # pixels up to each level
    fewest = count.amin(1, keepdim=True)  # pixels of the darkest level
    spread = (255 * (count - fewest) / (pixels - fewest).clamp(min=1)).round() / 255
    spread = torch.where(fewest == pixels, rows / 255, spread)
    return images + (spread.reshape(images.shape).to(images.dtype) - images).detach()


_STEPS: dict[PixelStep, Callable[[torch.Tensor], torch.Tensor]] = {
    PixelStep.BGR: lambda images: images.flip(1),
    PixelStep.EQUALISE: _equalise,
    PixelStep.STANDARDISE: _standardise,
}
