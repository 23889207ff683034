"""Small PyTorch nets for tests, and the classifiers that they are."""

from typing import Any

import torch
from torch import nn

from datasets.labels import FER7
from fer_models.contract import Contract
from fer_models.pytorch.classifier import TorchClassifier, wrap_torch


def tiny_module(side: int = 8, channels: int = 1, classes: int = 7) -> nn.Sequential:
    """A smooth net with batch normalisation and dropout, its weights fixed, in evaluation mode."""
    generator = torch.Generator().manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(channels, 4, 3),
        nn.BatchNorm2d(4),
        nn.Tanh(),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.Linear(4 * (side - 2) ** 2, classes),
    )
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(0.2 * torch.randn(weight.shape, generator=generator))
        module[1].running_var.fill_(0.5)
    return module.eval()


def tiny_torch(module: nn.Module | None = None, **contract: Any) -> TorchClassifier:
    """A module behind an 8x8 grey contract; the tiny one when None."""
    module = module or tiny_module()
    return wrap_torch(module, Contract(8, 8, 1, FER7, **contract), model_id="tiny_torch")
