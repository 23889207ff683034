"""From the rows of images to those of `results.csv`: every figure of a model.

It reads no image and calls no classifier, so rescoring a run needs neither. Rules: R17 (worst case
per image), R18 (denominator and interval beside every figure).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from datasets.labels import LabelScheme, LabelSet
from evaluation.figures.attack import attack_figures
from evaluation.figures.certification import certification_figures
from evaluation.figures.classes import confusion_figures, share_figures
from evaluation.figures.corruption import Baseline, corruption_figures
from evaluation.figures.every_attack import every_attack_figures
from evaluation.figures.figure_rows import Figures, figure_key
from evaluation.figures.images import Images
from evaluation.figures.label import label_figures
from evaluation.figures.reliability import reliability_figures, vote_figures
from evaluation.metrics.accuracy import confusion_matrix, majority_share
from evaluation.metrics.metric import Of
from evaluation.metrics.table import metrics_of
from evaluation.statistics.intervals import proportion, stratified_interval


def add_figures(
    figures: Figures,
    rows: pd.DataFrame,
    corrupted: pd.DataFrame,
    scheme: LabelScheme,
    label_sets: tuple[LabelSet, ...],
    grids: Mapping[str, tuple[float, ...]],
    baselines: Mapping[LabelSet, Baseline],
) -> None:
    """Add every figure of one model that needs only its own rows.

    `evaluation/figures/score_run.py` adds power, transfer and best-known figures.

    Args:
        figures: takes the rows of `results.csv`.
        rows: clean, attacked and certified rows of one model, see `ImageRows.of`.
        corrupted: see `ImageRows.corrupted`.
        scheme: its classes.
        label_sets: label sets that score.
        grids: eps of each attack and of the worst case, ascending, as in `RunConfig.grids`.
        baselines: models that corruption errors are relative to, if the run has them.
    """
    model = str(rows.model.iloc[0])
    clean = rows[rows.perturbation == "none"]
    for label_set in label_sets:
        _clean_figures(figures, model, Images(clean, scheme, label_set).scored())
        baseline = baselines.get(label_set)
        corruption_figures(figures, model, clean, corrupted, scheme, label_set, baseline)
        attack_figures(figures, rows, clean, scheme, label_set, grids)
        every_attack_figures(figures, rows, scheme, label_set, grids)
        certification_figures(figures, model, rows, scheme, label_set)
    label_figures(figures, model, rows, scheme, label_sets, grids)


def _clean_figures(figures: Figures, model: str, images: Images) -> None:
    key = figure_key(model, images.label_set)
    share_figures(figures, key, images, images.right, "accuracy", "recall")
    truth, classes = images.truth_as_model, images.scheme.num_classes
    counts = confusion_matrix(truth, images.predictions, num_classes=classes)
    everything = np.ones(len(truth), bool)
    for metric in metrics_of(Of.CONFUSION):
        assert metric.function is not None
        value = stratified_interval(
            counts, metric.function, seed=figures.seed, effective=images.effective(everything)
        )
        figures.add(key, "all", metric.name, value)
    share = round(majority_share(truth) * len(truth)) if len(truth) else 0
    value = proportion(share, len(truth), effective=images.effective(everything))
    figures.add(key, "all", "majority_share", value)
    confusion_figures(figures, key, images)
    reliability_figures(figures, key, images)
    if images.label_set == LabelSet.FERPLUS:
        vote_figures(figures, key, images)
