"""Attacks of torchattacks, in PyTorch: a judge in an environment of its own.

Its release 3.5.1 asks for requests 2.25, which newer packages refuse, so that pip does not install
both into one environment. `docs/benchmarks.md` has the commands.

Source: Kim 2020, "Torchattacks: A PyTorch repository for adversarial attacks", arXiv 2010.01950.
"""

from typing import Any

import numpy as np
import torch

from benchmarks.attacker import Attacker
from datasets.base.errors import InputError
from fer_models.pytorch.classifier import TorchClassifier
from fer_models.pytorch.pixels import fit_to_contract

INSTALL = "pip install -e .[torch] && pip install --no-deps torchattacks==3.5.1"


def torch_attacks(
    classifier: TorchClassifier,
    shape: tuple[int, ...],
    name: str,
    eps: float,
    budget: int,
    batch: int,
) -> Attacker:
    """PGD, APGD or Square under linf with one start, or DeepFool.

    Args:
        classifier: whose module is attacked.
        shape: not needed.
        name: pgd, apgd, square or deepfool.
        eps: radius; DeepFool has none.
        budget: steps or queries.
        batch: not needed.

    Raises:
        InputError: it is not installed.
    """
    try:
        import torchattacks
    except ImportError as error:
        raise InputError(f"torchattacks is not installed ({error}): {INSTALL}") from error
    classifier.module.requires_grad_(False)
    logits = _Logits(classifier).eval()
    attack = {
        "pgd": lambda: torchattacks.PGD(logits, eps=eps, alpha=eps / 4, steps=budget),
        "apgd": lambda: torchattacks.APGD(logits, eps=eps, steps=budget),
        "square": lambda: torchattacks.Square(logits, eps=eps, n_queries=budget, p_init=0.8),
        "deepfool": lambda: torchattacks.DeepFool(logits, steps=budget),
    }[name]()

    def attacker(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        clean = torch.tensor(images.transpose(0, 3, 1, 2))
        found: np.ndarray = attack(clean, torch.tensor(labels)).detach().numpy()
        return found.transpose(0, 2, 3, 1)

    return attacker


class _Logits(torch.nn.Module):
    """Logits (N, K) of images (N, C, H, W) in [0, 1]."""

    def __init__(self, classifier: TorchClassifier) -> None:
        super().__init__()
        self._module, self._contract = classifier.module, classifier.contract

    def forward(self, images: torch.Tensor) -> Any:
        return self._module(fit_to_contract(images, self._contract).contiguous())
