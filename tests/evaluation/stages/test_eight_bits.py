"""Images of whole steps of 1/255: inside the budget, as strong as it allows, never stronger."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attacks.sets.eight_bits import whole_steps
from attacks.threat_model import Norm, distance
from datasets.labels import LabelSet
from evaluation.results.run import FinishedRun
from evaluation.stages.eight_bits import smallest_eight_bit_eps
from tests.evaluation import tiny


class Threshold:
    """Class 1 where the first pixel is above 101.4 steps."""

    def logits(self, images: np.ndarray) -> np.ndarray:
        lead = 255 * images[:, 0, 0, 0] - 101.4
        return np.stack([-lead, lead], axis=1).astype(np.float32)


def made(images: list[list[float]], smallest: list[float], grid: list[float], norm: Norm) -> Any:
    """A set of images of two pixels in steps; all rows that an eps above 0 broke are stored."""
    eps = np.array(smallest) / 255
    return SimpleNamespace(
        smallest_eps=eps,
        image_rows=np.flatnonzero(eps > 0),
        images=(np.array(images) / 255).astype(np.float32).reshape(-1, 1, 2, 1),
        labels=np.zeros(len(eps), np.int64),
        spec=SimpleNamespace(norm=norm, grid=tuple(np.array(grid) / 255)),
    )


CLEAN = np.full((3, 1, 2, 1), np.float32(100) / np.float32(255))


def test_rounding_undoes_what_a_larger_budget_breaks_again() -> None:
    """101.6 of a budget of 1.6 is 101 in whole steps, still right; at 4 the move is stretched."""
    nan = np.nan
    attack = made([[101.6, 100]], [1.6, nan, 0], [1.6, 4], Norm.LINF)
    found = smallest_eight_bit_eps(Threshold(), attack, CLEAN)  # type: ignore[arg-type]
    assert found.tolist() == [4 / 255, np.inf, 0]
    # without a larger budget the 8-bit attacker has nothing
    attack = made([[101.6, 100]], [1.6, nan, 0], [1.6], Norm.LINF)
    found = smallest_eight_bit_eps(Threshold(), attack, CLEAN)  # type: ignore[arg-type]
    assert found.tolist() == [np.inf, np.inf, 0]


def test_below_one_step_nothing_moves() -> None:
    moved = (CLEAN + np.float32(0.5 / 255)).astype(np.float32)
    images, inside = whole_steps(CLEAN, moved, 0.5 / 255, Norm.LINF, stretched=True)
    np.testing.assert_array_equal(images, CLEAN)
    assert inside.all()


def test_steps_that_leave_the_ball_are_taken_towards_the_clean_image() -> None:
    # (1.6, 1.6) rounds to (2, 2), of size 2.83; a ball of 2.3 leaves (1, 1)
    moved = (CLEAN + np.float32(1.6 / 255)).astype(np.float32)
    images, inside = whole_steps(CLEAN, moved, 2.3 / 255, Norm.L2, stretched=False)
    np.testing.assert_allclose(255 * images, 101, atol=1e-4)
    assert inside.all()
    images, _ = whole_steps(CLEAN, moved, 2.9 / 255, Norm.L2, stretched=False)
    np.testing.assert_allclose(255 * images, 102, atol=1e-4)
    # stretched to a size of 5.7, each of the two moves by 4.03
    images, inside = whole_steps(CLEAN, moved, 5.7 / 255, Norm.L2, stretched=True)
    np.testing.assert_allclose(255 * images, 104, atol=1e-4)
    assert inside.all()


@given(
    st.sampled_from([Norm.LINF, Norm.L2, Norm.L1]),
    st.sampled_from([0.5, 1, 2, 4, 8, 200]),
    st.booleans(),
    st.integers(0, 99),
)
def test_always_whole_steps_inside_the_ball(norm: Norm, eps: float, full: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    clean = rng.integers(0, 256, (3, 4, 4, 1)).astype(np.float32) / 255
    moved = np.clip(clean + rng.normal(0, 3 / 255, clean.shape), 0, 1).astype(np.float32)
    images, inside = whole_steps(clean, moved, eps / 255, norm, stretched=full)
    steps = np.rint(255 * images.astype(np.float64))
    assert images.dtype == np.float32 and images.min() >= 0 and images.max() <= 1
    np.testing.assert_array_equal(images, steps.astype(np.float32) / 255)
    sizes = distance(steps / 255, np.rint(255 * clean.astype(np.float64)) / 255, norm)
    np.testing.assert_array_equal(inside, sizes <= eps / 255 * (1 + 1e-6))
    if full:
        assert inside.all()


def test_a_run_knows_the_8_bit_attacker_of_every_attack(run_folder: Path) -> None:
    rows = FinishedRun(run_folder).per_image
    attacked = rows[rows.attacked_labels != ""]
    assert attacked.smallest_eps_8bit.notna().all()
    assert rows.smallest_eps_8bit[rows.attacked_labels == ""].isna().all()
    exact = attacked.smallest_eps.fillna(np.inf)
    assert (attacked.smallest_eps_8bit >= exact).all()
    fell = attacked[(attacked.perturbation == "pgd") & (exact > 0) & np.isfinite(exact)]
    assert np.isfinite(fell.smallest_eps_8bit).mean() > 0.5  # most flips survive 8 bits
    results = tiny.results_of(run_folder)
    rounded = tiny.figures(results, "robust_accuracy_8bit").set_index(["model", "label_set", "eps"])
    for row in tiny.figures(results, "robust_accuracy", perturbation="worst_case").itertuples():
        assert rounded.value[row.model, row.label_set, row.eps] >= row.value
        assert rounded.n[row.model, row.label_set, row.eps] == row.n


def test_rows_of_an_older_run_have_no_such_figures(run_folder: Path) -> None:
    from evaluation.figures.eight_bits import eight_bit_figures
    from evaluation.figures.figure_rows import Figures

    rows = FinishedRun(run_folder).per_image
    rows = rows[(rows.model == "tiny.fer") & (rows.attacked_labels == "fer")]
    grids = {"worst_case": (0.02, 0.1)}
    scheme = tiny.classifier().scheme
    for column, count in ((rows.smallest_eps_8bit, 2), (np.nan, 0)):
        figures = Figures("PublicTest", 0)
        some = rows.assign(smallest_eps_8bit=column)
        eight_bit_figures(figures, some, scheme, LabelSet.FER, grids)
        found = figures.frame()
        assert len(found[found.subset == "all"]) == count
        assert isinstance(found, pd.DataFrame) and (found.perturbation == "worst_case").all()


@pytest.mark.parametrize(("better", "expected"), [(0.02, 1.0), (np.inf, 0.0)])
def test_the_8_bit_worst_case_is_the_best_of_all_attacks(
    run_folder: Path, better: float, expected: float
) -> None:
    """Each face falls to one attack in 8 bits, whichever attack breaks it first in float."""
    from evaluation.figures.eight_bits import eight_bit_figures
    from evaluation.figures.figure_rows import Figures

    rows = FinishedRun(run_folder).per_image
    rows = rows[(rows.model == "tiny.fer") & (rows.attacked_labels == "fer")]
    first = rows.perturbation == "fgsm"
    rows = rows.assign(smallest_eps_8bit=np.where(first, better, np.inf), smallest_eps=0.02)
    figures = Figures("PublicTest", 0)
    eight_bit_figures(
        figures, rows, tiny.classifier().scheme, LabelSet.FER, {"worst_case": (0.02,)}
    )
    found = figures.frame()
    assert found[found.subset == "all"].value.tolist() == [1 - expected]
