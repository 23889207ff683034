"""The smallest differences that eight faces can show."""

import pandas as pd
import pytest

from datasets.labels import FER7, LabelScheme, LabelSet
from evaluation.figures.comparisons import compare_models
from evaluation.figures.groups import groups_of
from evaluation.figures.outcomes import outcomes_of
from evaluation.figures.power import power_figures
from evaluation.statistics.power import (
    smallest_detectable_difference,
    smallest_independent_difference,
)
from tests.evaluation.figures.eight_faces import (
    CLEAN,
    GRID,
    HAPPY,
    PGD,
    SAD,
    attacked,
    figure,
    image_rows,
    summary,
    twice,
)

SCHEMES: dict[str, LabelScheme] = {"net.fer": FER7, "other.fer": FER7}
OTHER = [SAD] * 4 + CLEAN[4:]
PARTS = [image_rows(CLEAN), image_rows(OTHER, model="other.fer")]
KEY = {"model": "net.fer", "label_set": "fer", "perturbation": "none"}


def power_of(
    *parts: pd.DataFrame,
    grid: tuple[float, ...] = (),
    schemes: dict[str, LabelScheme] = SCHEMES,
    label_sets: tuple[LabelSet, ...] = (LabelSet.FER,),
    rivals: list[str] | None = None,
) -> pd.DataFrame:
    """Rows of the power figures of these images."""
    frame = pd.concat(parts, ignore_index=True)
    found, groups = summary(*parts, schemes=schemes, label_sets=label_sets), groups_of(frame)
    ranked = {"fer": list(schemes) if rivals is None else rivals}
    outcomes = {
        model: outcomes_of(frame[frame.model == model], scheme, label_sets)
        for model, scheme in schemes.items()
    }
    pairs = compare_models(outcomes, groups, schemes, label_sets, "linf", grid, ranked)
    return power_figures(found, pairs, outcomes, groups, "PublicTest", 0)


def many(*parts: pd.DataFrame) -> pd.DataFrame:
    """The eight faces twenty times, with row ids of their own: 160 faces."""
    rows = pd.concat([part for part in parts for _ in range(20)], ignore_index=True)
    rows["row"] = rows.groupby(["model", "perturbation", "attacked_labels"]).cumcount()
    return rows


def test_power_beside_every_accuracy() -> None:
    power = power_of(*PARTS)
    unpaired = figure(power, "smallest_difference", detail="unpaired", **KEY)
    assert unpaired.value == smallest_independent_difference(8, 6 / 8)
    paired = figure(power, "smallest_difference", detail="paired", **KEY)
    assert paired.value == smallest_detectable_difference(8, 3 / 8)  # faces 0, 1 and 2 differ
    assert (paired.n, len(power)) == (8, 4)
    alone = power_of(PARTS[0], schemes={"net.fer": FER7}, rivals=[])
    assert alone.detail.tolist() == ["unpaired"]


def test_a_mean_over_the_other_models_and_holms_first_step() -> None:
    """net differs from other on faces 0, 1 and 2, from third on 0 and 3, each right on one."""
    third = [SAD, *CLEAN[1:3], HAPPY, *CLEAN[4:]]
    schemes = dict(SCHEMES) | {"third.fer": FER7}
    rows = many(*PARTS, image_rows(third, model="third.fer"), PGD)
    power = power_of(rows, grid=GRID, schemes=schemes, label_sets=tuple(LabelSet))
    paired = figure(power, "smallest_difference", detail="paired", **KEY)
    share = (3 / 8 + 2 / 8) / 2
    assert paired.value == smallest_detectable_difference(160, share, alpha=0.05 / 3)
    assert paired.n == 160
    key = KEY | {"perturbation": "worst_case", "eps": 0.1}
    unpaired = figure(power, "smallest_difference", detail="unpaired", **key)
    assert unpaired.value == smallest_independent_difference(160, 4 / 8)
    assert set(power[power.perturbation == "worst_case"].detail) == {"unpaired"}, "one was attacked"
    assert set(power.perturbation) == {"none", "worst_case"}


def test_a_model_without_a_rank_is_no_rival() -> None:
    third = [SAD, *CLEAN[1:3], HAPPY, *CLEAN[4:]]
    schemes = dict(SCHEMES) | {"third.fer": FER7}
    rows = many(*PARTS, image_rows(third, model="third.fer"))
    power = power_of(rows, schemes=schemes, rivals=["net.fer", "other.fer"])
    paired = figure(power, "smallest_difference", detail="paired", **KEY)
    assert paired.value == smallest_detectable_difference(160, 3 / 8)  # one pair, 3 of 8 differ
    of_third = power[power.model == "third.fer"]
    assert of_third.detail.tolist() == ["unpaired"]


def test_faces_seen_twice_detect_no_more_than_once() -> None:
    other = attacked([SAD] * 8, [0.1] * 3 + [0] + [0.1] * 4, model="other.fer", clean=OTHER)
    once = many(*PARTS, PGD, other)
    first, second = power_of(once, grid=GRID), power_of(twice(once), grid=GRID)
    assert set(first.detail) == {"paired", "unpaired"} and set(first.eps) == {0.0, *GRID}
    assert (second.n == 2 * first.n).all()
    assert second.value.tolist() == pytest.approx(first.value.tolist())
