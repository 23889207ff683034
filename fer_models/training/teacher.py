"""Learning from another net's probabilities beside the labels (distillation).

Hinton, Vinyals & Dean 2015, arXiv 1503.02531, at temperature 1. FER labels are noisy, and noise is
what adversarial training overfits to (Dong et al. 2022, arXiv 2110.03135); the probabilities of a
teacher are smoother. It sees the augmented view that the net learns from (Beyer et al. 2022, arXiv
2106.05237), before any attack.
"""

import sys
from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import softmax

from datasets.base.errors import InputError
from datasets.labels import SCHEMES, LabelSet
from fer_models.recipe import Precision
from fer_models.reduced_precision import NoTwinError, reduce_precision
from fer_models.zoo import listed_models, load

Logits = Callable[[np.ndarray], np.ndarray]
"""From images float32 (N, H, W, C) in [0, 1] to float32 (N, K)."""


class Teacher:
    """Classifiers the mean of whose probabilities is mixed into the targets."""

    def __init__(self, members: Sequence[Logits], share: float) -> None:
        """Store what answers, and its share of the targets.

        Args:
            members: logits of each classifier.
            share: in [0, 1].
        """
        self._members, self._share = members, np.float32(share)

    def mixed(self, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Targets of a batch.

        Args:
            images: float32 (N, H, W, C) in [0, 1].
            targets: float32 (N, K + J), the teacher's label set first.

        Returns:
            float32 (N, K + J): the first K columns are the labels and the teacher's probabilities,
            in the shares `1 - share` and `share`; the others stay.
        """
        answers = [softmax(logits(images), axis=1) for logits in self._members]
        probabilities = np.mean(answers, axis=0)
        mixed = targets.copy()
        own = mixed[:, : probabilities.shape[1]]
        own += self._share * (probabilities - own)
        return mixed


def load_teacher(models: str, share: float, labels: LabelSet, precision: Precision) -> Teacher:
    """Load a teacher; it answers in bfloat16 where the training and the processor compute in it.

    Args:
        models: id or folder of a trained classifier, or path of a foreign one; several with commas.
        share: of the targets, in [0, 1].
        labels: label set that is learnt.
        precision: arithmetic of the training.

    Raises:
        InputError: none is named, or one is unknown, or of another label set.
    """
    names = listed_models(models)
    if not names:
        raise InputError(f"--teacher must name at least one classifier; got {models!r}.")
    return Teacher([_logits_of(name, labels, precision) for name in names], share)


def _logits_of(model: str, labels: LabelSet, precision: Precision) -> Logits:
    """How one classifier answers."""
    classifier = load(model)
    if classifier.scheme != SCHEMES[labels]:
        raise InputError(
            f"--teacher must answer with {labels} labels; got {model} with those of "
            f"{classifier.scheme.name}. Name another."
        )
    if precision is Precision.BFLOAT16:
        try:
            return reduce_precision(classifier).reduced_logits
        except NoTwinError as cause:
            print(f"{model}: teaches in float32, {cause}", file=sys.stderr)
    return classifier.logits
