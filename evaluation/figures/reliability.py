"""Figures of probabilities: against the labels, and against the votes of ten taggers."""

from typing import Any

import numpy as np

from evaluation.figures.figure_rows import Figures
from evaluation.figures.images import Images
from evaluation.metrics import calibration
from evaluation.metrics import votes as vote_metrics
from evaluation.metrics.metric import Of
from evaluation.metrics.table import metrics_of
from evaluation.statistics.intervals import Interval, bootstrap_means, proportion


def reliability_figures(figures: Figures, key: dict[str, Any], images: Images) -> None:
    """Calibration errors, Brier score and likelihood in every stratum; bins for a diagram."""
    labels, confidence = images.truth_as_model, _confidence(images)
    bins = calibration.equal_width_bins(confidence)
    for subset, mask in images.strata:
        adaptive = calibration.adaptive_bins(confidence[mask])
        for metric, used in (("ece", bins[mask]), ("adaptive_ece", adaptive)):
            gaps = calibration.gaps(confidence[mask], images.right[mask], used)
            value = bootstrap_means(gaps, calibration.calibration_error, seed=figures.seed)
            figures.add(key, subset, metric, value)
    for one in metrics_of(Of.LOGITS):
        assert one.function is not None
        figures.add_means(key, images.strata, one.name, one.function(images.logits, labels))
    _bin_figures(figures, key, confidence, images.right, bins)


def vote_figures(figures: Figures, key: dict[str, Any], images: Images) -> None:
    """Agreement with a tagger, cross-entropy to the votes, calibration against them.

    Every image counts on which a tagger named an emotion, whether or not the votes make a label.
    """
    if images.votes is None:
        return
    votes, scheme = images.votes, images.scheme
    agreement = vote_metrics.agreement(votes, images.predictions, scheme)
    figures.add_means(key, images.strata, "expected_agreement", agreement)
    entropy = vote_metrics.cross_entropy(votes, images.logits, scheme)
    figures.add_means(key, images.strata, "vote_cross_entropy", entropy)
    confidence = _confidence(images)
    bins = calibration.equal_width_bins(confidence)
    for subset, mask in images.strata:
        kept = mask & ~np.isnan(agreement)
        gaps = calibration.gaps(confidence[kept], agreement[kept], bins[kept])
        value = bootstrap_means(gaps, calibration.calibration_error, seed=figures.seed)
        figures.add(key, subset, "soft_ece", value)


def _confidence(images: Images) -> np.ndarray:
    return calibration.probabilities(images.logits).max(axis=1)


def _bin_figures(
    figures: Figures,
    key: dict[str, Any],
    confidence: np.ndarray,
    right: np.ndarray,
    bins: np.ndarray,
) -> None:
    """Points of a reliability diagram: accuracy and mean confidence of each filled bin."""
    for index in np.unique(bins):
        inside = bins == index
        low, high = index / calibration.BINS, (index + 1) / calibration.BINS
        detail, count = f"{low:.3f}-{high:.3f}", int(inside.sum())
        value = proportion(int(right[inside].sum()), count)
        figures.add(key, "all", "bin_accuracy", value, detail)
        mean = Interval(float(confidence[inside].mean()), np.nan, np.nan, count)
        figures.add(key, "all", "bin_confidence", mean, detail)
