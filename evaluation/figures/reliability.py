"""Figures of probabilities: against the labels, and against the votes of ten annotators."""

from typing import Any

import numpy as np

from evaluation.figures.figure_rows import Figures
from evaluation.figures.images import Images
from evaluation.metrics import calibration
from evaluation.metrics import votes as vote_metrics
from evaluation.metrics.metric import Of
from evaluation.metrics.table import metrics_of
from evaluation.statistics.calibration_error import debiased_calibration_error
from evaluation.statistics.intervals import Interval


def reliability_figures(figures: Figures, key: dict[str, Any], images: Images) -> None:
    """Calibration errors, Brier score and likelihood in every stratum; bins for a diagram.

    None of a model that returns labels only.
    """
    if calibration.are_labels_only(images.logits):
        return
    labels, confidence = images.truth_as_model, _confidence(images)
    bins = calibration.equal_width_bins(confidence)
    for subset, mask in images.strata:
        sure, right = confidence[mask], images.right[mask]
        adaptive = calibration.adaptive_bins(sure)
        for metric, used in (("ece", bins[mask]), ("adaptive_ece", adaptive)):
            figures.add(key, subset, metric, _plain_error(sure, right, used))
        value = debiased_calibration_error(
            sure, right, bins[mask], seed=figures.seed, effective=images.effective(mask)
        )
        figures.add(key, subset, "debiased_ece", value)
    for one in metrics_of(Of.LOGITS):
        assert one.function is not None
        figures.add_means(
            key, images.strata, one.name, one.function(images.logits, labels), groups=images.groups
        )
    _bin_figures(figures, key, images, confidence, bins)


def vote_figures(figures: Figures, key: dict[str, Any], images: Images) -> None:
    """Agreement with an annotator, cross-entropy to the votes, calibration against them.

    Images with a FER+ label that the model has as a class count, clean as under attack. A model
    that returns labels only has the agreement alone.
    """
    if images.votes is None:
        return
    votes, scheme = images.votes, images.scheme
    agreement = vote_metrics.agreement(votes, images.predictions, scheme)
    figures.add_means(key, images.strata, "expected_agreement", agreement, groups=images.groups)
    if calibration.are_labels_only(images.logits):
        return
    entropy = vote_metrics.cross_entropy(votes, images.logits, scheme)
    figures.add_means(key, images.strata, "vote_cross_entropy", entropy, groups=images.groups)
    confidence = _confidence(images)
    bins = calibration.equal_width_bins(confidence)
    for subset, mask in images.strata:
        kept = mask & ~np.isnan(agreement)
        value = _plain_error(confidence[kept], agreement[kept], bins[kept])
        figures.add(key, subset, "soft_ece", value)


def _plain_error(confidence: np.ndarray, right: np.ndarray, bins: np.ndarray) -> Interval:
    """The usual calibration error; it is biased, so an interval would miss the true one."""
    if not len(confidence):
        return Interval(np.nan, np.nan, np.nan, 0)
    gaps = calibration.gaps(confidence, right, bins).mean(axis=0)
    return Interval(float(calibration.calibration_error(gaps)), np.nan, np.nan, len(confidence))


def _confidence(images: Images) -> np.ndarray:
    return calibration.probabilities(images.logits).max(axis=1)


def _bin_figures(
    figures: Figures,
    key: dict[str, Any],
    images: Images,
    confidence: np.ndarray,
    bins: np.ndarray,
) -> None:
    """Points of a reliability diagram: accuracy and mean confidence of each filled bin."""
    for index in np.unique(bins):
        inside = bins == index
        low, high = index / calibration.BINS, (index + 1) / calibration.BINS
        detail, count = f"{low:.3f}-{high:.3f}", int(inside.sum())
        value = images.share(images.right, inside)
        figures.add(key, "all", "bin_accuracy", value, detail)
        mean = Interval(float(confidence[inside].mean()), np.nan, np.nan, count)
        figures.add(key, "all", "bin_confidence", mean, detail)
