"""The images of one model and perturbation, from rows of `per_image`, as arrays.

Every figure is computed from these. Not here: the figures (`evaluation/figures/every_figure.py`).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from datasets.labels import NO_LABEL, SCHEMES, LabelScheme, LabelSet, translate
from evaluation.metrics.robustness import is_robust
from evaluation.results.schema import LEAST_FACES
from evaluation.statistics.intervals import Interval, effective_size, proportion

CLEAR_VOTES, AMBIGUOUS_VOTES = 9, 6
"""An image is clear when its top vote has at least 9 in 10 annotators, ambiguous with at most 6."""

Strata = list[tuple[str, np.ndarray]]
"""Name and mask bool (N,) of subsets of the images."""


@dataclass(frozen=True, eq=False)
class Images:
    """Rows of `per_image` of one model and perturbation, as arrays.

    Attributes:
        rows: those rows.
        scheme: the model's classes.
        label_set: label set that scores them.
    """

    rows: pd.DataFrame
    scheme: LabelScheme
    label_set: LabelSet

    @cached_property
    def truth(self) -> np.ndarray:
        """int64 (N,), labels in their own scheme."""
        return self.rows[self.label_set].to_numpy(np.int64)

    @cached_property
    def truth_as_model(self) -> np.ndarray:
        """int64 (N,), the same labels in the model's classes."""
        return translate(self.truth, SCHEMES[self.label_set], self.scheme)

    @cached_property
    def predictions(self) -> np.ndarray:
        """int64 (N,), predictions in the model's classes."""
        return self.rows.prediction.to_numpy(np.int64)

    @cached_property
    def right(self) -> np.ndarray:
        """Bool (N,): predictions that match the label."""
        return self.predictions == self.truth_as_model

    @cached_property
    def smallest_eps(self) -> np.ndarray:
        """Smallest eps that broke each image, float64 (N,), see `metrics/robustness.py`."""
        return self.rows.smallest_eps.to_numpy(np.float64)

    @cached_property
    def logits(self) -> np.ndarray:
        """float32 (N, K), logits of the predictions."""
        if self.rows.empty:
            return np.zeros((0, self.scheme.num_classes), np.float32)
        return np.stack(self.rows.logits.to_numpy())

    @cached_property
    def votes(self) -> np.ndarray | None:
        """int64 (N, 10), None when an image has no votes."""
        votes = self.rows.votes
        if votes.empty or votes.isna().any():
            return None
        return np.stack(votes.to_numpy()).astype(np.int64)

    @cached_property
    def groups(self) -> np.ndarray | None:
        """Group of each image, (N,), the same for near duplicates; None where there are none."""
        groups = self.rows["group"]
        if groups.isna().any() or groups.is_unique:
            return None
        return groups.to_numpy(np.int64)

    def effective(self, among: np.ndarray) -> float | None:
        """Effective number of independent images in a mask bool (N,); None if all of them are."""
        return None if self.groups is None else effective_size(self.groups[among])

    def share(self, hits: np.ndarray, among: np.ndarray) -> Interval:
        """Share of the images in the mask `among` bool (N,) that are in the mask `hits` too."""
        count, n = int((hits & among).sum()), int(among.sum())
        return proportion(count, n, effective=self.effective(among))

    def take(self, mask: np.ndarray) -> "Images":
        """The images in a mask bool (N,)."""
        return Images(self.rows[mask], self.scheme, self.label_set)

    def scored(self) -> "Images":
        """Only the images whose label exists for this model."""
        return self.take(self.truth_as_model != NO_LABEL)

    def at(self, eps: float) -> "Images":
        """The same images as an attack up to eps leaves them: broken, or clean where robust.

        Needs the columns of `with_clean_logits`.
        """
        moved = (self.smallest_eps > 0) & ~is_robust(self.smallest_eps, eps=eps)
        rows = self.rows.assign(
            prediction=np.where(moved, self.predictions, self.rows.clean_prediction),
            logits=np.where(moved, self.rows.logits, self.rows.clean_logits),
        )
        attacked = Images(rows, self.scheme, self.label_set)
        for name in _UNATTACKED:
            vars(attacked)[name] = getattr(self, name)
        return attacked

    @cached_property
    def strata(self) -> Strata:
        """All images, those without a copy or near copy in Training, the clear, the ambiguous."""
        found: Strata = [("all", np.ones(len(self.rows), bool))]
        leaked = self.rows.leaked
        if leaked.notna().all():
            found.append(("no_leak", ~leaked.to_numpy(bool)))
        near = self.rows.near_leaked
        if near.notna().all():
            found.append(("no_near_leak", ~near.to_numpy(bool)))
        if self.votes is not None:
            top, total = 10 * self.votes.max(axis=1), self.votes.sum(axis=1)
            clear, ambiguous = CLEAR_VOTES * total, AMBIGUOUS_VOTES * total
            found += [("clear", top >= clear), ("ambiguous", top <= ambiguous)]
        return found + self.subgroups

    @cached_property
    def subgroups(self) -> Strata:
        """The images of each group of the user's table, `age:child`, that has enough of them."""
        of_image = self.rows.subgroups
        if of_image.empty or of_image.isna().any():
            return []
        names = sorted({name for names in of_image for name in names})
        masks = [(name, np.array([name in names for names in of_image])) for name in names]
        return [(name, mask) for name, mask in masks if mask.sum() >= LEAST_FACES]

    @cached_property
    def classes(self) -> Strata:
        """The images of each label, `class:NAME`."""
        names = SCHEMES[self.label_set].classes
        return [(f"class:{name}", self.truth == index) for index, name in enumerate(names)]


_UNATTACKED = ("truth", "truth_as_model", "smallest_eps", "votes", "groups", "strata", "classes")
"""Cached properties of `Images` that `at` need not compute for each eps: no attack moves them."""


def with_clean_logits(attacked: pd.DataFrame, clean: pd.DataFrame) -> pd.DataFrame:
    """Attacked rows with a column of the logits that the same model gave the clean image."""
    logits = clean.set_index("row").logits
    return attacked.assign(clean_logits=logits.reindex(attacked.row).to_numpy())
