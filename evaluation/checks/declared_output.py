"""R25 for probabilities, and outputs of a sigmoid, that a contract calls logits.

The softmax of a softmax, or of sigmoids, is nearly flat: calibration errors and losses are wrong,
and gradients vanish, so that the model looks robust. Logarithms of probabilities are logits and
pass. A service is not asked for gradients, and its owner alone could change its scores: sigmoids
of one pass too.
"""

import numpy as np

from evaluation.checks.rules import Check, check
from fer_models.classifier import Classifier
from fer_models.foreign.raw_model import (
    are_from_sigmoid,
    are_probabilities,
    are_some_probabilities,
    off_whole,
    sum_within,
)
from fer_models.services.classifier import service_of
from fer_models.zoo import shipped_id


def declared_output_checks(classifier: Classifier, logits: np.ndarray) -> list[Check]:
    """Flag logits that are probabilities, percentages or outputs of a sigmoid on every face.

    Args:
        classifier: any model; the outputs of shipped ones, and of those that return a label only,
            are known.
        logits: its logits of clean faces, float32 (N, K).

    Returns:
        One check, whose value is the largest distance of a sum from 1, see `off_whole`; none where
        they are known.
    """
    known = classifier.labels_only or shipped_id(classifier.weights_sha256)
    if known or not len(logits):
        return []
    wrong, words = False, "Its logits are no probabilities."
    is_whole = are_probabilities(logits)
    if is_whole or (logits.max() > 1 and are_some_probabilities(logits)):
        wrong = True
        sums = "1 (or 100)" if is_whole else "at most 100"
        words = (
            f"Its logits are at least 0 and sum to {sums} on every face, so they are "
            "probabilities: calibration and losses are wrong, and gradients vanish, which looks "
            "like robustness. "
            'Write "output": "probabilities" in its contract, or return logits, and run again.'
        )
    elif are_from_sigmoid(logits):
        wrong = service_of(classifier) is None
        words = (
            "Its logits lie between 0 and 1 on every face and do not sum to 1, as outputs of a "
            "sigmoid: calibration and losses are wrong, and gradients vanish, which looks like "
            "robustness. Leave out the sigmoid, or return log(p / (1 - p)) of its outputs p, and "
            'run again; of some columns of probabilities, write "output": "probabilities".'
        )
    sums, within = logits.sum(axis=1, dtype=np.float64), sum_within(logits.shape[1])
    return [check(classifier.id, "R25", "kind of output", wrong, off_whole(sums), within, words)]
