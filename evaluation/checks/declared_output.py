"""R25 for probabilities that a contract calls logits.

The softmax of a softmax is nearly flat: calibration errors and losses are wrong, and gradients
vanish, so that the model looks robust. Logarithms of probabilities are logits and pass.
"""

import numpy as np

from evaluation.checks.rules import Check, check
from fer_models.classifier import Classifier
from fer_models.foreign.raw_model import SUM_WITHIN, are_probabilities
from fer_models.zoo import shipped_id


def declared_output_checks(classifier: Classifier, logits: np.ndarray) -> list[Check]:
    """Flag logits that are at least 0 and sum to 1 within 2 % on every clean face.

    Args:
        classifier: any model; the outputs of shipped ones are known.
        logits: its logits of clean faces, float32 (N, K).

    Returns:
        One check, whose value is the largest distance of a sum from 1; none for a shipped model.
    """
    if shipped_id(classifier.weights_sha256) or not len(logits):
        return []
    wrong = are_probabilities(logits)
    off = float(np.abs(logits.sum(axis=1) - 1).max())
    words = "Its logits are no probabilities."
    if wrong:
        words = (
            "Its logits are at least 0 and sum to 1 on every face, so they are probabilities: "
            "calibration and losses are wrong, and gradients vanish, which looks like robustness. "
            'Write "output": "probabilities" in its contract, or return logits, and run again.'
        )
    return [check(classifier.id, "R25", "kind of output", wrong, off, SUM_WITHIN, words)]
