"""Figures of certificates: how many faces are certified correct at each L2 radius."""

import numpy as np
import pandas as pd

from datasets.labels import NO_LABEL, LabelScheme, LabelSet
from evaluation.figures.figure_rows import Figures, figure_key
from evaluation.figures.images import Images

STEPS = 16
"""Radii of a curve, a quarter of sigma apart; no usual number of samples certifies 4 sigma."""


def certification_figures(
    figures: Figures,
    model: str,
    rows: pd.DataFrame,
    scheme: LabelScheme,
    label_set: LabelSet,
) -> None:
    """Certified accuracy by radius, and the share of faces on which smoothing abstains.

    Args:
        figures: takes the rows.
        model: id of the model.
        rows: rows of the model.
        scheme: its classes.
        label_set: label set that scores.
    """
    certified = rows[rows.certified_radius.notna()]
    for name, part in certified.groupby("perturbation", sort=False):
        images = Images(part, scheme, label_set).scored()
        sigma = float(str(name).removeprefix("smooth"))
        key = figure_key(model, label_set, perturbation=name, source=model, norm="l2")
        abstains = images.predictions == NO_LABEL
        radius = images.rows.certified_radius.to_numpy(np.float64)
        for subset, mask in images.strata:
            figures.add(key, subset, "abstention", images.share(abstains, mask))
            for step in range(STEPS + 1):
                at = step * sigma / 4
                value = images.share(images.right & (radius >= at), mask)
                figures.add(key | {"eps": at}, subset, "certified_accuracy", value)
