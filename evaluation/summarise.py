"""From `per_image.parquet` to `results.csv`: every figure of a run, computed from its images.

Reads no image and calls no classifier, so re-scoring a run needs neither. Rules: R17 (worst case
per image), R18 (denominator and interval beside every figure).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from datasets.labels import NO_LABEL, SCHEMES, LabelScheme, LabelSet, translate
from evaluation import metrics
from evaluation.results import RESULT_COLUMNS
from evaluation.statistics import Interval, bootstrap, proportion

CLEAR_VOTES, AMBIGUOUS_VOTES = 9, 6
"""An image is clear when its top vote has at least 9 of 10 taggers, ambiguous with at most 6."""

_CLASS_AVERAGES = {"balanced_accuracy": metrics.balanced_accuracy, "macro_f1": metrics.macro_f1}


@dataclass(frozen=True, eq=False)
class Images:
    """Columns of the lines that belong to one model and one perturbation, as arrays.

    Attributes:
        lines: those lines of `per_image.parquet`.
        scheme: the model's classes.
        label_set: labels that score them.
    """

    lines: pd.DataFrame
    scheme: LabelScheme
    label_set: LabelSet

    @property
    def truth(self) -> np.ndarray:
        """int64 (N,), labels in their own scheme."""
        return self.lines[self.label_set].to_numpy(np.int64)

    @property
    def truth_as_model(self) -> np.ndarray:
        """int64 (N,), the same labels in the model's classes."""
        return translate(self.truth, SCHEMES[self.label_set], self.scheme)

    def scored(self) -> "Images":
        """Only the images whose label exists for this model."""
        return Images(self.lines[self.truth_as_model != NO_LABEL], self.scheme, self.label_set)

    def subsets(self) -> Iterator[tuple[str, np.ndarray]]:
        """Name and mask bool (N,) of every subset of the images."""
        count = len(self.lines)
        yield "all", np.ones(count, bool)
        leaked = self.lines["leaked"]
        if leaked.notna().all():
            yield "no_leak", ~leaked.to_numpy(bool)
        votes = self.lines["votes"]
        if votes.notna().all():
            top = np.array([max(row) for row in votes], dtype=np.int64)
            yield "clear", top >= CLEAR_VOTES
            yield "ambiguous", top <= AMBIGUOUS_VOTES
        classes = SCHEMES[self.label_set].classes
        for index, name in enumerate(classes):
            yield f"class:{name}", self.truth == index


class Figures:
    """Collects rows of `results.csv` that share a run's split and seed."""

    def __init__(self, split: str, seed: int) -> None:
        self._shared = {"split": split, "seed": seed}
        self._rows: list[dict[str, Any]] = []

    def add(
        self, key: dict[str, Any], subset: str, metric: str, value: Interval, detail: str = ""
    ) -> None:
        """Add one figure; `key` holds model, labels and perturbation."""
        self._rows.append(
            {
                **self._shared,
                **key,
                "subset": subset,
                "metric": metric,
                "detail": detail,
                "value": value.value,
                "ci_low": value.low,
                "ci_high": value.high,
                "n": value.n,
                "status": "ok",
            }
        )

    def frame(self) -> pd.DataFrame:
        """All rows, columns of `RESULT_COLUMNS`."""
        return pd.DataFrame(self._rows, columns=list(RESULT_COLUMNS)).astype(RESULT_COLUMNS)


def summarise(
    per_image: pd.DataFrame,
    schemes: dict[str, LabelScheme],
    label_sets: tuple[LabelSet, ...],
    eps: tuple[float, ...],
    split: str,
    seed: int,
) -> pd.DataFrame:
    """Compute every figure of a run.

    Args:
        per_image: lines of `per_image.parquet`.
        schemes: classes of each model.
        label_sets: label sets that score.
        eps: grid of the attacks, ascending.
        split: name of the split, for the rows.
        seed: of the run; also of the bootstrap.

    Returns:
        Rows of `results.csv`.
    """
    figures = Figures(split, seed)
    for model, scheme in schemes.items():
        lines = per_image[per_image.model == model]
        for label_set in label_sets:
            clean = Images(lines[lines.perturbation == "none"], scheme, label_set).scored()
            _clean_figures(figures, _key(model, label_set), clean, seed)
            corrupted = lines[lines.severity.notna()]
            for (name, severity), part in corrupted.groupby(["perturbation", "severity"]):
                key = _key(model, label_set, perturbation=name, eps=np.nan, severity=severity)
                _accuracy_figures(figures, key, Images(part, scheme, label_set).scored())
            attacked = lines[lines.attacked_labels == label_set]
            _attack_figures(figures, attacked, scheme, label_set, eps)
    return figures.frame()


def _key(model: str, label_set: LabelSet, **changes: Any) -> dict[str, Any]:
    """Identity of a figure; a clean one unless `changes` say otherwise."""
    return {
        "model": model,
        "label_set": label_set,
        "attacked_labels": "",
        "perturbation": "none",
        "source": "",
        "norm": "",
        "eps": 0.0,
        "severity": pd.NA,
        **changes,
    }


def _accuracy_figures(figures: Figures, key: dict[str, Any], images: Images) -> None:
    """Accuracy in every subset; within a class that is its recall."""
    right = images.lines.prediction.to_numpy(np.int64) == images.truth_as_model
    for subset, mask in images.subsets():
        metric = "recall" if subset.startswith("class:") else "accuracy"
        figures.add(key, subset, metric, proportion(int(right[mask].sum()), int(mask.sum())))


def _clean_figures(figures: Figures, key: dict[str, Any], images: Images, seed: int) -> None:
    _accuracy_figures(figures, key, images)
    truth, predicted = images.truth_as_model, images.lines.prediction.to_numpy(np.int64)
    counts = metrics.confusion_matrix(truth, predicted, num_classes=images.scheme.num_classes)
    for name, metric in _CLASS_AVERAGES.items():
        figures.add(key, "all", name, bootstrap(counts, metric, seed=seed))
    share = metrics.majority_share(truth)
    figures.add(key, "all", "majority_share", proportion(round(share * len(truth)), len(truth)))
    _confusion_figures(figures, key, images, predicted)


def _confusion_figures(
    figures: Figures, key: dict[str, Any], images: Images, predicted: np.ndarray
) -> None:
    """Where each class is sent: share of the true class answered as each of the model's classes."""
    truth = images.truth
    for index, name in enumerate(SCHEMES[images.label_set].classes):
        mask = truth == index
        counts = np.bincount(predicted[mask], minlength=images.scheme.num_classes)
        for answer, count in zip(images.scheme.classes, counts, strict=True):
            figures.add(
                key, f"class:{name}", "confusion", proportion(int(count), int(mask.sum())), answer
            )


def _attack_figures(
    figures: Figures,
    lines: pd.DataFrame,
    scheme: LabelScheme,
    label_set: LabelSet,
    grid: tuple[float, ...],
) -> None:
    """Robust accuracy, success rate and flows of every attack and of their worst case."""
    if lines.empty:
        return
    worst = lines.loc[
        lines.assign(order=lines.smallest_eps.fillna(np.inf)).groupby("row").order.idxmin()
    ].assign(perturbation="worst_case")
    names = list(dict.fromkeys(lines.perturbation))
    for name, part in [
        *((n, lines[lines.perturbation == n]) for n in names),
        ("worst_case", worst),
    ]:
        images = Images(part, scheme, label_set).scored()
        first = part.iloc[0]
        key = _key(
            first.model,
            label_set,
            attacked_labels=label_set,
            perturbation=name,
            source=first.source,
            norm=first.norm,
        )
        broken_at = images.lines.smallest_eps.to_numpy(float)
        for eps in grid:
            _figures_at(figures, key | {"eps": eps}, images, broken_at, eps)
        median = metrics.smallest_eps_quantiles(broken_at, quantiles=(0.5,))[0]
        attacked = int((broken_at != 0).sum())
        figures.add(
            key | {"eps": grid[-1]},
            "all",
            "median_smallest_eps",
            Interval(float(median), np.nan, np.nan, attacked),
        )


def _figures_at(
    figures: Figures, key: dict[str, Any], images: Images, broken_at: np.ndarray, eps: float
) -> None:
    stood = metrics.stands(broken_at, eps=eps)
    for subset, mask in images.subsets():
        count = int(mask.sum())
        metric = "robust_recall" if subset.startswith("class:") else "robust_accuracy"
        figures.add(key, subset, metric, proportion(int(stood[mask].sum()), count))
        right = mask & (broken_at != 0)
        figures.add(
            key,
            subset,
            "attack_success_rate",
            proportion(int((right & ~stood).sum()), int(right.sum())),
        )
    moved = (broken_at > 0) & ~stood
    predicted = np.where(moved, images.lines.prediction, images.lines.clean_prediction)
    _confusion_figures(figures, key, images, predicted.astype(np.int64))
