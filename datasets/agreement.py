"""Agreement of the FER and FER+ labels of the same faces."""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from datasets.labels import FER7, FERPLUS8, Labels


@dataclass(frozen=True, eq=False)
class Agreement:
    """FER against FER+ on the rows labelled by both.

    Attributes:
        counts: int64 (7, 8), rows FER classes, columns FER+ classes.
        share: share of rows with the same expression in both, in [0, 1]; NaN without rows.
        kappa: Cohen's kappa of the two label sets; NaN without rows.
        survival: float64 (7,), share of each FER class to which FER+ gives the same label;
            NaN for a class without rows.
    """

    counts: np.ndarray
    share: float
    kappa: float
    survival: np.ndarray

    @property
    def n(self) -> int:
        """Rows labelled by both."""
        return int(self.counts.sum())


def measure_agreement(fer: Labels, ferplus: Labels) -> Agreement:
    """Compare FER labels with FER+ labels of the same rows; rows without both are left out."""
    both = fer.present & ferplus.present
    expected = fer.to(FERPLUS8).values[both]
    found = ferplus.values[both]
    same = expected == found
    counts = np.zeros((FER7.num_classes, FERPLUS8.num_classes), dtype=np.int64)
    survival = np.full(FER7.num_classes, np.nan)
    if not both.any():
        return Agreement(counts, float("nan"), float("nan"), survival)
    order = Labels(FER7, np.arange(FER7.num_classes)).to(FERPLUS8).values
    counts = confusion_matrix(expected, found, labels=np.arange(FERPLUS8.num_classes))[order]
    for row, column in enumerate(order):
        if counts[row].any():
            survival[row] = counts[row, column] / counts[row].sum()
    return Agreement(
        counts, float(same.mean()), float(cohen_kappa_score(expected, found)), survival
    )
