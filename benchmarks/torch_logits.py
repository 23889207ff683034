"""What judges in PyTorch attack: the net of a classifier behind pixels in [0, 1]."""

from typing import Any

import torch

from fer_models.pytorch.classifier import TorchClassifier
from fer_models.pytorch.pixels import fit_to_contract


class TorchLogits(torch.nn.Module):
    """Logits (N, K) of images (N, C, H, W) in [0, 1].

    Gradients of the weights, which FAB and others would compute as well, are switched off.
    """

    def __init__(self, classifier: TorchClassifier) -> None:
        """Take the module and the contract of a classifier."""
        super().__init__()
        self._module, self._contract = classifier.module.requires_grad_(False), classifier.contract

    def forward(self, images: torch.Tensor) -> Any:
        """See the class."""
        return self._module(fit_to_contract(images, self._contract).contiguous())
