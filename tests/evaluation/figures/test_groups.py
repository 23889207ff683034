"""Near duplicates count once in every interval of results.csv."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from datasets.faceset import FaceSet
from datasets.labels import LabelSet
from datasets.sample.faces import read_sample
from evaluation.figures.groups import coarsest
from evaluation.results.schema import RESULT_COLUMNS
from evaluation.stages.per_image import clean_rows
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


def test_near_copies_leave_every_interval_of_a_run_as_it_is() -> None:
    """120 faces and the same with 1 % of the pixels one step off."""
    faces = read_sample().take(np.arange(120))
    rng = np.random.default_rng(0)
    copies = faces.images.copy()
    copies[rng.random(copies.shape) < 0.01] ^= 1
    assert (copies != faces.images).any(axis=(1, 2, 3)).all()
    both = replace(
        faces.take(np.arange(240) % 120),
        images=np.concatenate([faces.images, copies]),
        row_ids=np.arange(240),
    )
    logits = rng.normal(0, 1, (120, 7)).astype(np.float32)
    alone, twice_seen = _figures(faces, logits), _figures(both, np.tile(logits, (2, 1)))
    assert (twice_seen.n == 2 * alone.n).all()
    known = alone.ci_low.notna() & (alone.metric != "debiased_ece")
    assert {"accuracy", "balanced_accuracy"} <= set(alone[known].metric)
    for name in ("value", "ci_low", "ci_high"):
        found, expected = twice_seen[known][name].tolist(), alone[known][name].tolist()
        assert found == pytest.approx(expected, abs=1e-6)


def test_two_runs_are_compared_in_the_groups_of_the_one_that_knows_more() -> None:
    rows = image_rows(CLEAN)
    equal = rows.assign(group=[50, 50, *range(52, 58)])
    near = rows.assign(group=[50, 50, 52, 52, *range(54, 58)])
    for runs in ([rows, near], [near, equal], [equal, near]):
        assert coarsest(runs).tolist() == near.group.tolist()
    part = near.iloc[4:]
    assert coarsest([equal, part]).tolist() == equal.group.tolist()


def _figures(faces: FaceSet, logits: np.ndarray) -> pd.DataFrame:
    net = cast(Any, SimpleNamespace(id="net.fer"))
    return summary(clean_rows(faces, net, logits), label_sets=(LabelSet.FER,))


def _numbers(rows: pd.DataFrame, name: str) -> list[float]:
    """All but those of a simulation that draws as many numbers as there are images."""
    return rows.loc[rows.metric != "debiased_ece", name].fillna(-1.0).tolist()
