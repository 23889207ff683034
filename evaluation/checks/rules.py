"""One row of `checks.parquet`: a rule, what was found, and what to do about it."""

from typing import Any

import numpy as np

from evaluation.listener import one_line
from fer_models.classifier import Classifier

Check = dict[str, Any]


def check(
    model: str,
    rule: str,
    name: str,
    flagged: bool,
    value: float,
    threshold: float,
    message: str,
    *,
    attacked_labels: str = "",
    perturbation: str = "",
) -> Check:
    """One row of `checks.parquet`."""
    return {
        "model": model,
        "attacked_labels": attacked_labels,
        "perturbation": perturbation,
        "rule": rule,
        "check": name,
        "status": "flagged" if flagged else "ok",
        "value": float(value),
        "threshold": float(threshold),
        "message": message,
    }


def failed_check(classifier: Classifier, rule: str, name: str, error: Exception) -> Check:
    """A check on which the model failed (R24), so whether its rule holds is not known."""
    words = f"{one_line(error)}. The check was not made: whether its rule holds is not known."
    return check(classifier.id, rule, name, True, np.nan, np.nan, words) | {"status": "error"}
