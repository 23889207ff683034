"""Which images each model of a run classifies correctly, clean and under attack.

That is all that models are compared by, and little enough to hold for all of them at once: a flag
and a number per image and label set. Not here: the comparisons
(`evaluation/figures/comparisons.py`).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from datasets.labels import NO_LABEL, SCHEMES, LabelScheme, LabelSet, translate
from evaluation.results.schema import WORST_CASE


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Outcomes of one model.

    Attributes:
        clean: of each label set, whether each image (by row id) is classified correctly; images
            without a label for this model are left out.
        smallest: of each attacked label set and norm, the smallest eps at which any attack breaks
            each image (by row id): 0 where the clean image is wrong, NaN where it is robust.
    """

    clean: dict[str, pd.Series]
    smallest: dict[tuple[str, str], pd.Series]

    def right(self, label_set: str, norm: str, eps: float) -> pd.Series:
        """Whether each image (by row id) is classified correctly, clean and attacked up to eps.

        Args:
            label_set: label set that scores and was attacked.
            norm: norm of the attacks.
            eps: 0 for the clean images alone.
        """
        if eps == 0:
            return self.clean[label_set]
        return ~(self.attacked(label_set, norm) <= eps)

    def without(self, model: str, unattacked: Collection[tuple[str, str]]) -> "Outcomes":
        """The same without attacks on the model under some labels, as far as it is among these."""
        smallest = {
            key: each for key, each in self.smallest.items() if (model, key[0]) not in unattacked
        }
        return replace(self, smallest=smallest)

    def attacked(self, label_set: str, norm: str) -> pd.Series:
        """One of `smallest`; empty where nothing was attacked."""
        return self.smallest.get((label_set, norm), pd.Series(dtype=np.float64))


def outcomes_of(
    rows: pd.DataFrame, scheme: LabelScheme, label_sets: Iterable[LabelSet]
) -> Outcomes:
    """Outcomes of a model from its rows.

    Args:
        rows: clean and attacked rows of one model, see `ImageRows.of`.
        scheme: its classes.
        label_sets: label sets that score.
    """
    attacked = rows[rows.attacked_labels != ""]
    return Outcomes(
        {str(label_set): right_clean(rows, scheme, label_set) for label_set in label_sets},
        {
            (str(labels), str(norm)): part.groupby("row").smallest_eps.min()
            for (labels, norm), part in attacked.groupby(["attacked_labels", "norm"])
        },
    )


def right_clean(
    rows: pd.DataFrame,
    scheme: LabelScheme,
    label_set: LabelSet,
    perturbation: str = "none",
    severity: int | None = None,
) -> pd.Series:
    """Whether each image (by row id) is classified correctly, clean or under a corruption.

    Args:
        rows: rows of one model.
        scheme: its classes.
        label_set: label set that scores; images without one for this model are left out.
        perturbation: `none` or a corruption.
        severity: severity of the corruption.
    """
    rows = rows[rows.perturbation == perturbation]
    if severity is not None:
        rows = rows[rows.severity == severity]
    truth = translate(rows[label_set].to_numpy(np.int64), SCHEMES[label_set], scheme)
    kept = truth != NO_LABEL
    right = rows.prediction.to_numpy(np.int64)[kept] == truth[kept]
    return pd.Series(right, index=rows.row.to_numpy()[kept])


def robust_under(
    rows: pd.DataFrame, label_set: LabelSet, perturbation: str, norm: str, eps: float
) -> pd.Series:
    """Whether each image (by row id) is robust: correct when clean and on attacked ones up to eps.

    Args:
        rows: rows of one model.
        label_set: attacked labels.
        perturbation: an attack, or `worst_case` for all of them.
        norm: norm of the attack.
        eps: above 0.
    """
    attacked = rows[(rows.attacked_labels == label_set) & (rows.norm == norm)]
    if perturbation != WORST_CASE:
        attacked = attacked[attacked.perturbation == perturbation]
    return ~(attacked.smallest_eps <= eps).groupby(attacked.row).any()
