"""The smallest differences that eight faces can show."""

import pandas as pd
import pytest

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
    PGD,
    SAD,
    attacked,
    figure,
    image_rows,
    summary,
    twice,
)

SCHEMES = {"net.fer": FER7, "other.fer": FER7}
OTHER = [SAD] * 4 + CLEAN[4:]
PARTS = [image_rows(CLEAN), image_rows(OTHER, model="other.fer")]
KEY = {"model": "net.fer", "label_set": "fer", "perturbation": "none"}


def power_of(*parts: pd.DataFrame, grid: tuple[float, ...] = ()) -> pd.DataFrame:
    """Rows of the power figures of these images."""
    frame = pd.concat(parts, ignore_index=True)
    found = summary(*parts, schemes=dict(SCHEMES), label_sets=(LabelSet.FER,))
    pairs = compare_models(frame, dict(SCHEMES), (LabelSet.FER,), "linf", grid)
    return power_figures(found, pairs, frame, dict(SCHEMES), "PublicTest", 0)


def test_power_beside_every_accuracy() -> None:
    power = power_of(*PARTS)
    unpaired = figure(power, "smallest_difference", detail="unpaired", **KEY)
    assert unpaired.value == smallest_independent_difference(8, 6 / 8)
    paired = figure(power, "smallest_difference", detail="paired", **KEY)
    assert paired.value == smallest_detectable_difference(8, 3 / 8)  # faces 0, 1 and 2 differ
    assert (paired.n, len(power)) == (8, 4)
    found = summary(PARTS[0], label_sets=(LabelSet.FER,))
    none = compare_models(PARTS[0], {"net.fer": FER7}, (LabelSet.FER,), "linf", ())
    alone = power_figures(found, none, PARTS[0], {"net.fer": FER7}, "PublicTest", 0)
    assert alone.detail.tolist() == ["unpaired"]


def test_faces_seen_twice_detect_no_more_than_once() -> None:
    other = attacked([SAD] * 8, [0.1] * 3 + [0] + [0.1] * 4, model="other.fer", clean=OTHER)
    parts = [part for once in (*PARTS, PGD, other) for part in [once, once] * 10]
    parts = [part.assign(row=part.row + 8 * place) for place, part in enumerate(parts)]
    once = pd.concat(parts, ignore_index=True)
    once["row"] = once.groupby(["model", "perturbation"]).cumcount()  # 160 faces
    first, second = power_of(once, grid=GRID), power_of(twice(once), grid=GRID)
    assert set(first.detail) == {"paired", "unpaired"} and set(first.eps) == {0.0, *GRID}
    assert (second.n == 2 * first.n).all()
    assert second.value.tolist() == pytest.approx(first.value.tolist())
