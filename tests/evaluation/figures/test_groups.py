"""Faces of equal pixels count once in every interval of results.csv."""

import numpy as np
import pandas as pd
import pytest

from evaluation.results.schema import RESULT_COLUMNS
from tests.evaluation.figures.eight_faces import (
    CLEAN,
    HAPPY,
    NAN,
    NEUTRAL,
    PGD,
    SAD,
    attacked,
    image_rows,
    summary,
    twice,
)


def test_every_interval_of_faces_seen_twice_is_that_of_seeing_them_once() -> None:
    sizes = {name: np.linspace(0.1, 0.8, 8) for name in ("linf", "l2", "l1", "ssim", "cam_shift")}
    under_ferplus = attacked(
        [SAD, HAPPY, HAPPY, SAD, SAD, SAD, HAPPY, SAD],
        [0.1, NAN, NAN, 0, NAN, NAN, 0.2, NAN],
        attacked_labels="ferplus",
    )
    blurred = image_rows([NEUTRAL] * 4 + CLEAN[4:], perturbation="box_blur", severity=1)
    parts = [image_rows(CLEAN), PGD.assign(**sizes), under_ferplus, blurred]
    once, both = summary(*parts), summary(*map(twice, parts))
    key = [name for name in RESULT_COLUMNS if name not in ("value", "ci_low", "ci_high", "n")]
    joined = once.merge(both, on=key, suffixes=("", "_twice"))
    assert len(joined) == len(once) == len(both)
    known = joined[joined.ci_low.notna() | joined.ci_high.notna()]
    missing = {"median_smallest_eps", "median_ssim", "label_gap", "macro_f1", "brier", "recall"}
    assert missing <= set(known.metric)
    assert (known.n_twice == 2 * known.n).all()
    for name in ("value", "ci_low", "ci_high"):
        assert _numbers(known, f"{name}_twice") == pytest.approx(_numbers(known, name), abs=1e-6)


def _numbers(rows: pd.DataFrame, name: str) -> list[float]:
    """All but those of a simulation that draws as many numbers as there are images."""
    return rows.loc[rows.metric != "debiased_ece", name].fillna(-1.0).tolist()
