"""Images as an attack leaves them: only predictions and logits may differ from before."""

import numpy as np
import pandas as pd

from datasets.labels import FER7, LabelSet
from evaluation.figures.images import Images, with_clean_logits
from tests.evaluation.figures.eight_faces import CLEAN, NEUTRAL, attacked, image_rows


def test_images_at_an_eps_are_those_of_their_rows() -> None:
    rows = with_clean_logits(
        attacked([NEUTRAL] * 8, [0.1, 0.2, np.inf, 0, 0.1, 0.1, 0, 0.1]), image_rows(CLEAN)
    )
    at = Images(rows, FER7, LabelSet.FER).scored().at(0.1)
    fresh = Images(at.rows, FER7, LabelSet.FER)
    for name in ("truth", "truth_as_model", "smallest_eps", "votes", "right", "predictions"):
        np.testing.assert_array_equal(getattr(at, name), getattr(fresh, name))
    for kept, again in zip([*at.strata, *at.classes], [*fresh.strata, *fresh.classes], strict=True):
        assert kept[0] == again[0]
        np.testing.assert_array_equal(kept[1], again[1])
    assert list(at.predictions) == [NEUTRAL, *CLEAN[1:4], NEUTRAL, NEUTRAL, CLEAN[6], NEUTRAL]


def test_faces_with_a_near_duplicate_in_training_are_left_out_of_their_subset() -> None:
    rows = image_rows(CLEAN)
    assert "no_near_leak" not in dict(Images(rows, FER7, LabelSet.FER).strata)
    near = pd.array([True, True, True, *[False] * 5], dtype="boolean")
    strata = dict(Images(rows.assign(near_leaked=near), FER7, LabelSet.FER).strata)
    assert strata["no_near_leak"].tolist() == [False] * 3 + [True] * 5


def test_groups_of_ten_faces_are_strata_and_smaller_ones_are_not() -> None:
    rows = pd.concat([image_rows(CLEAN)] * 3, ignore_index=True)
    assert Images(rows, FER7, LabelSet.FER).subgroups == []
    names = [("age:old", "light:dark")] * 10 + [("age:young",)] * 9 + [()] * 5
    strata = dict(Images(rows.assign(subgroups=names), FER7, LabelSet.FER).strata)
    assert strata["age:old"].tolist() == [True] * 10 + [False] * 14
    assert "light:dark" in strata and "age:young" not in strata


def test_clear_and_ambiguous_are_shares_of_any_number_of_votes() -> None:
    rows = image_rows(CLEAN)
    tops = [(9, 1), (6, 4), (5, 0), (4, 1), (3, 2), (36, 4), (35, 4), (24, 16)]
    votes = [np.array([0, *pair, *[0] * 7]) for pair in tops]
    strata = dict(Images(rows.assign(votes=votes), FER7, LabelSet.FER).strata)
    assert strata["clear"].tolist() == [True, False, True, False, False, True, False, False]
    assert strata["ambiguous"].tolist() == [False, True, False, False, True, False, False, True]
