"""AutoAttack by its authors, in PyTorch: the outside judge of the ensemble.

Not here: our own ensemble (`attacks/ensembles/`). Needs `pip install -e .[bench,torch]`, whose
package `pyautoattack` is the authors' code.

Source: Croce & Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of
diverse parameter-free attacks", arXiv 2003.01690.
"""

from typing import Any

import numpy as np
import torch

from benchmarks.torch_logits import TorchLogits
from datasets.base.errors import InputError
from fer_models.pytorch.classifier import TorchClassifier

SAME = 1e-3
"""Largest difference between logits asked for by the judge and by our classifier."""


class AutoAttacker:
    """The standard version under linf: APGD, targeted APGD, targeted FAB and Square, in turn.

    Attributes:
        forward: passes forward so far, of all images.
        backward: passes back.
    """

    def __init__(
        self,
        classifier: TorchClassifier,
        shape: tuple[int, ...],
        name: str,
        eps: float,
        budget: int | None,
        batch: int,
    ) -> None:
        """Take a net.

        Args:
            classifier: the model to attack.
            shape: not needed.
            name: not needed.
            eps: radius.
            budget: steps and queries of each part; the published ones when None.
            batch: images per call.

        Raises:
            InputError: the package is not installed, or the net has fewer than four classes, too
                few for the judge's loss.
        """
        try:
            from pyautoattack import AutoAttack
        except ImportError as error:
            raise InputError(
                f"AutoAttack is not installed ({error}): pip install -e .[bench]"
            ) from error
        classes = classifier.scheme.num_classes
        if classes < 4:
            raise InputError(
                f"AutoAttack needs 4 classes; {classifier.id} has {classes}. Choose another model."
            )
        self.forward = self.backward = 0
        self._classifier, self._batch = classifier, batch
        self._module = TorchLogits(classifier)
        self._judge = AutoAttack(self._logits, norm="Linf", eps=eps, seed=0, version="standard")
        targets = min(9, classes - 1)
        self._judge.apgd_targeted.n_target_classes = self._judge.fab.n_target_classes = targets
        if budget is not None:
            short = {"n_iter": budget, "n_iter_2": 1, "n_iter_min": 1, "size_decr": 1}
            vars(self._judge.apgd).update(short)
            vars(self._judge.apgd_targeted).update(short)
            self._judge.fab.n_iter = self._judge.square.n_queries = budget

    def __call__(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Attack images float32 (N, H, W, C) of labels int64 (N,).

        Raises:
            InputError: the net's module does not answer in the classifier's logits.
        """
        clean = torch.tensor(images.transpose(0, 3, 1, 2))
        with torch.no_grad():
            asked = self._module(clean).numpy()
        if np.abs(asked - self._classifier.logits(images)).max() > SAME:
            raise InputError(
                f"{self._classifier.id}: AutoAttack needs a module that returns logits, and this "
                "one returns something else. Choose another model."
            )
        found, _ = self._judge.run_standard_evaluation(
            clean, torch.tensor(labels), batch_size=self._batch
        )
        attacked: np.ndarray = found.numpy().transpose(0, 2, 3, 1)
        return attacked

    def _logits(self, images: torch.Tensor) -> Any:
        self.forward += len(images)
        self.backward += len(images) if images.requires_grad else 0
        return self._module(images)
