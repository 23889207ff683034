"""Plain loops in PyTorch, as one writes them for a single net: what our attacks cost beside them.

The loops take as many steps as ours and attack every image in every step; ours leave out images
that are broken.
"""

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from benchmarks.attacker import Attacker
from fer_models.pytorch.classifier import TorchClassifier

MOMENTUM = 0.75


def bare_pytorch(
    classifier: TorchClassifier,
    shape: tuple[int, ...],
    name: str,
    eps: float,
    budget: int,
    batch: int,
) -> Attacker:
    """PGD or APGD under linf on cross-entropy, in a loop.

    Args:
        classifier: whose module is attacked; it takes pixels in [0, 1] of the images' size.
        shape: not needed.
        name: pgd or apgd.
        eps: radius.
        budget: steps.
        batch: not needed.
    """
    module, loop = classifier.module, {"pgd": _pgd, "apgd": _apgd}[name]

    def attacker(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        clean = torch.tensor(images).permute(0, 3, 1, 2).contiguous()
        found: np.ndarray = loop(module, clean, torch.tensor(labels), eps, budget).numpy()
        return found.transpose(0, 2, 3, 1)

    return attacker


def _slope(module: Any, x: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss of each image, and the gradient of their sum."""
    x = x.detach().requires_grad_()
    losses = functional.cross_entropy(module(x), labels, reduction="none")
    (gradient,) = torch.autograd.grad(losses.sum(), x)
    return losses.detach(), gradient


def _within(x: torch.Tensor, clean: torch.Tensor, eps: float) -> torch.Tensor:
    return (clean + (x - clean).clamp(-eps, eps)).clamp(0, 1)


def _pgd(
    module: Any, clean: torch.Tensor, labels: torch.Tensor, eps: float, steps: int
) -> torch.Tensor:
    x = _within(clean + eps * (2 * torch.rand_like(clean) - 1), clean, eps)
    for _ in range(steps):
        _, gradient = _slope(module, x, labels)
        x = _within(x + eps / 4 * gradient.sign(), clean, eps)
    return x


def _apgd(
    module: Any, clean: torch.Tensor, labels: torch.Tensor, eps: float, steps: int
) -> torch.Tensor:
    """Croce & Hein 2020, arXiv 2003.01690, algorithm 1, its first condition alone."""
    x = _within(clean + eps * (2 * torch.rand_like(clean) - 1), clean, eps)
    best, before = x, x
    best_loss, gradient = _slope(module, x, labels)
    size = torch.full((len(x), 1, 1, 1), 2 * eps)
    last, rises, since = best_loss, torch.zeros(len(x)), 0
    for _ in range(steps):
        ahead = _within(x + size * gradient.sign(), clean, eps)
        moved = x + MOMENTUM * (ahead - x) + (1 - MOMENTUM) * (x - before)
        x, before = _within(moved, clean, eps), x
        loss, gradient = _slope(module, x, labels)
        better = loss > best_loss
        best = torch.where(better[:, None, None, None], x, best)
        best_loss = torch.maximum(loss, best_loss)
        rises, last, since = rises + (loss > last), loss, since + 1
        if since == max(1, steps // 5):
            stuck = (rises < 0.75 * since)[:, None, None, None]
            size, x = torch.where(stuck, size / 2, size), torch.where(stuck, best, x)
            rises, since = torch.zeros(len(x)), 0
    return best
