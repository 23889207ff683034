"""Figures between the two label sets: attacked under one and scored under the other, label noise.

The FER+ labels were given by ten people each, the FER labels in one pass. An oracle that always
answers the FER+ label shows how many errors FER labels count against a classifier that is in fact
correct.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from datasets.labels import FER7, FERPLUS8, NO_LABEL, LabelScheme, LabelSet, translate
from evaluation.figures.attack import attack_parts, worst_case
from evaluation.figures.figure_rows import Figures, figure_key
from evaluation.figures.groups import compare_pair, groups_of
from evaluation.figures.images import Images
from evaluation.metrics.robustness import is_robust
from evaluation.results.schema import WORST_CASE

_OTHER = {LabelSet.FER: LabelSet.FERPLUS, LabelSet.FERPLUS: LabelSet.FER}


def label_figures(
    figures: Figures,
    model: str,
    rows: pd.DataFrame,
    scheme: LabelScheme,
    label_sets: tuple[LabelSet, ...],
    grids: Mapping[str, tuple[float, ...]],
) -> None:
    """Label transfer, the oracle, and the gap between the label sets, for one model.

    Args:
        figures: takes the rows.
        model: its id.
        rows: its rows.
        scheme: its classes.
        label_sets: label sets that score; nothing is added unless both do.
        grids: eps of each attack and of the worst case, ascending.
    """
    if set(label_sets) != set(LabelSet):
        return
    for attacked_labels in label_sets:
        _transfer_figures(figures, rows, scheme, attacked_labels, grids)
    clean = Images(rows[rows.perturbation == "none"], scheme, LabelSet.FER)
    oracle = clean.scored()
    oracle = oracle.take(_ferplus(oracle) != NO_LABEL)
    key = figure_key(model, LabelSet.FER)
    for subset, mask in oracle.strata:
        agreed = oracle.share(~labels_differ(oracle), mask)
        figures.add(key, subset, "oracle_accuracy", agreed)
        beside = oracle.share(oracle.right, mask)
        figures.add(key, subset, "oracle_faces_accuracy", beside)
    _noise_figures(figures, key, oracle, ~oracle.right, oracle.predictions)
    _gap_figures(figures, model, rows, scheme, None, 0.0)
    for norm in rows.loc[rows.attacked_labels != "", "norm"].unique():
        under_fer = (rows.attacked_labels == LabelSet.FER) & (rows.norm == norm)
        worst = Images(worst_case(rows[under_fer]), scheme, LabelSet.FER).scored()
        worst = worst.take(_ferplus(worst) != NO_LABEL)
        for eps in grids[WORST_CASE]:
            key = _attacked_key(model, LabelSet.FER, norm, eps)
            lost = ~is_robust(worst.smallest_eps, eps=eps)
            clean_answers = worst.rows.clean_prediction.to_numpy(np.int64)
            answers = np.where(lost, worst.predictions, clean_answers)
            _noise_figures(figures, key, worst, lost, answers)
            _gap_figures(figures, model, rows, scheme, norm, eps)


def labels_differ(images: Images) -> np.ndarray:
    """Bool (N,): the FER+ label is another emotion than the FER label; both exist."""
    fer = images.rows[LabelSet.FER].to_numpy(np.int64)
    return translate(fer, FER7, FERPLUS8) != _ferplus(images)


def _ferplus(images: Images) -> np.ndarray:
    return images.rows[LabelSet.FERPLUS].to_numpy(np.int64)


def _attacked_key(model: str, label_set: LabelSet, norm: str, eps: float) -> dict[str, Any]:
    changes = {"perturbation": WORST_CASE, "source": model, "norm": norm, "eps": eps}
    return figure_key(model, label_set, attacked_labels=label_set, **changes)


def _noise_figures(
    figures: Figures, key: dict[str, Any], images: Images, lost: np.ndarray, answers: np.ndarray
) -> None:
    """Of the images lost under FER labels, the share whose answer is the FER+ label.

    An answer that is neither label is an error under both, which label noise does not explain.

    Args:
        figures: takes the rows.
        key: of the rows.
        images: N images that have both labels.
        lost: bool (N,), wrong or broken under FER labels.
        answers: int64 (N,), the model's answers, in its classes.
    """
    ferplus = translate(_ferplus(images), FERPLUS8, images.scheme)
    explained = labels_differ(images) & (answers == ferplus)
    for subset, mask in images.strata:
        share = images.share(explained, mask & lost)
        figures.add(key, subset, "label_noise_share", share)


def _transfer_figures(
    figures: Figures,
    rows: pd.DataFrame,
    scheme: LabelScheme,
    attacked_labels: LabelSet,
    grids: Mapping[str, tuple[float, ...]],
) -> None:
    """Robust accuracy of images attacked under one label set and scored under the other."""
    scoring = _OTHER[attacked_labels]
    attacked = rows[rows.attacked_labels == attacked_labels]
    robust_before: dict[tuple[str, float], pd.Series] = {}
    for key, part in attack_parts(attacked, attacked_labels):
        images = Images(part, scheme, scoring).scored()
        for eps in grids[WORST_CASE]:
            if key["perturbation"] == WORST_CASE:
                robust = robust_before[key["norm"], eps].loc[images.rows.row].to_numpy(bool)
            else:
                robust = _right_after_transfer(images, eps)
                series = pd.Series(robust, index=images.rows.row.to_numpy())
                before = robust_before.get((key["norm"], eps), series)
                both = pd.concat([before, series]).groupby(level=0).all()
                robust_before[key["norm"], eps] = both
            if eps not in grids[key["perturbation"]]:
                continue  # what breaks at a smaller eps counts in the worst case
            row = key | {"label_set": scoring, "eps": eps}
            for subset, mask in images.strata:
                share = images.share(robust, mask)
                figures.add(row, subset, "robust_accuracy", share)


def _right_after_transfer(images: Images, eps: float) -> np.ndarray:
    """Correct under the scoring labels on the clean image and on the one kept up to eps."""
    moved = (images.smallest_eps > 0) & ~is_robust(images.smallest_eps, eps=eps)
    clean = images.rows.clean_prediction.to_numpy(np.int64) == images.truth_as_model
    return clean & (images.right | ~moved)


def _gap_figures(
    figures: Figures,
    model: str,
    rows: pd.DataFrame,
    scheme: LabelScheme,
    norm: str | None,
    eps: float,
) -> None:
    """Accuracy under FER+ minus accuracy under FER, on the images that have both labels.

    The worst case is over the attacks that an image met under both: a slow attack may have seen it
    under one of them only, which says nothing about the labels.
    """
    right = {}
    attacked = rows[rows.norm == norm]
    met = attacked.groupby(["perturbation", "row"]).attacked_labels.transform("nunique")
    for label_set in LabelSet:
        part = rows[rows.perturbation == "none"]
        if norm is not None:
            under = attacked.attacked_labels == label_set
            part = worst_case(attacked[under & (met == len(LabelSet))])
        images = Images(part, scheme, label_set).scored()
        flags = images.right if norm is None else is_robust(images.smallest_eps, eps=eps)
        right[label_set] = pd.Series(flags, index=images.rows.row.to_numpy(), dtype=bool)
    key = figure_key(model, LabelSet.FERPLUS)
    if norm is not None:
        key = _attacked_key(model, LabelSet.FERPLUS, norm, eps)
    _, gap = compare_pair(right[LabelSet.FERPLUS], right[LabelSet.FER], groups_of(rows))
    figures.add(key, "all", "label_gap", gap, "minus fer")
