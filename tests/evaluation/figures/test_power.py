"""The smallest differences that eight faces can show."""

import pandas as pd

from datasets.labels import FER7, LabelSet
from evaluation.figures.comparisons import compare_models
from evaluation.figures.power import power_figures
from evaluation.statistics.power import (
    smallest_detectable_difference,
    smallest_independent_difference,
)
from tests.evaluation.figures.eight_faces import (
    CLEAN,
    GRID,
    SAD,
    figure,
    image_rows,
    summary,
)


def test_power_beside_every_accuracy() -> None:
    other = [SAD] * 4 + CLEAN[4:]
    schemes = {"net.fer": FER7, "other.fer": FER7}
    parts = [image_rows(CLEAN), image_rows(other, model="other.fer")]
    frame = pd.concat(parts, ignore_index=True)
    found = summary(*parts, schemes=schemes, label_sets=(LabelSet.FER,))
    pairs = compare_models(frame, schemes, (LabelSet.FER,), "linf", GRID[:0])
    power = power_figures(found, pairs, "PublicTest", 0)
    key = {"model": "net.fer", "label_set": "fer", "perturbation": "none"}
    unpaired = figure(power, "smallest_difference", detail="unpaired", **key)
    assert unpaired.value == smallest_independent_difference(8, 6 / 8)
    paired = figure(power, "smallest_difference", detail="paired", **key)
    assert paired.value == smallest_detectable_difference(8, 3 / 8)  # faces 0, 1 and 2 differ
    assert (paired.n, len(power)) == (8, 4)
    alone = power_figures(found[found.model == "net.fer"], pairs.iloc[:0], "PublicTest", 0)
    assert alone.detail.tolist() == ["unpaired"]
