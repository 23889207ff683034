"""Attacks of torchattacks, in PyTorch: a judge in an environment of its own.

Its release 3.5.1 asks for requests 2.25, which newer packages refuse, so that pip does not install
both into one environment. `docs/benchmarks.md` has the commands.

Source: Kim 2020, "Torchattacks: A PyTorch repository for adversarial attacks", arXiv 2010.01950.
"""

import numpy as np
import torch

from benchmarks.attacker import Attacker
from benchmarks.torch_logits import TorchLogits
from datasets.base.errors import InputError
from fer_models.pytorch.classifier import TorchClassifier

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
    logits = TorchLogits(classifier).eval()
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
