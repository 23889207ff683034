"""Rows worked out by hand. Columns: neutral happiness surprise sadness anger disgust fear contempt
unknown NF."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from datasets.labels import NO_LABEL
from datasets.votes import TieRule, VoteRule, vote_labels, vote_targets

CLEAR = [8, 1, 0, 1, 0, 0, 0, 0, 0, 0]
HALF = [5, 3, 2, 0, 0, 0, 0, 0, 0, 0]
TIE = [5, 5, 0, 0, 0, 0, 0, 0, 0, 0]
THREE_WAYS = [4, 3, 3, 0, 0, 0, 0, 0, 0, 0]
FOUR_WAYS = [4, 2, 2, 2, 0, 0, 0, 0, 0, 0]
UNKNOWN_WINS = [2, 2, 0, 0, 0, 0, 0, 0, 6, 0]
UNKNOWN_SECOND = [6, 0, 0, 0, 0, 0, 0, 0, 4, 0]
HALF_UNKNOWN = [5, 0, 0, 0, 0, 0, 0, 0, 5, 0]
NOT_A_FACE = [0, 0, 0, 0, 0, 0, 0, 0, 0, 10]
THREE_QUARTERS = [6, 2, 0, 0, 0, 0, 0, 0, 0, 0]
SINGLES = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
OUTLIERS = [4, 2, 1, 1, 1, 0, 0, 0, 1, 0]


def targets(row: list[int], rule: VoteRule, tie: TieRule = TieRule.FIRST) -> list[float]:
    return vote_targets(np.array([row]), rule, tie)[0].tolist()


def spread(**shares: float) -> object:
    names = ("neutral", "happiness", "surprise", "sadness")
    return pytest.approx([shares.get(name, 0.0) for name in names] + [0.0] * 4)


DROPPED = [0.0] * 8
SHARE_RULES = (VoteRule.CROSS_ENTROPY, VoteRule.PROBABILITY)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (CLEAR, spread(neutral=1)),  # singles go, 8 of 8
        (HALF, DROPPED),  # 5 of 10 is not more than half
        (TIE, DROPPED),
        (OUTLIERS, spread(neutral=1)),  # singles go: 4 of 6
        (UNKNOWN_WINS, DROPPED),  # 6 of 10 for unknown
        (UNKNOWN_SECOND, spread(neutral=1)),  # 6 of 10
        (HALF_UNKNOWN, DROPPED),
        (NOT_A_FACE, DROPPED),
        (SINGLES, DROPPED),  # nothing is left
    ],
)
def test_majority(row, expected):
    assert targets(row, VoteRule.MAJORITY) == expected


@pytest.mark.parametrize("rule", SHARE_RULES)
@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (CLEAR, spread(neutral=1)),  # 8 of 8 after the singles
        (HALF, spread(neutral=5 / 8, happiness=3 / 8)),  # 5 < 7.5, then 8 >= 7.5: stop
        (THREE_QUARTERS, spread(neutral=1)),  # 6 of 8 is 75 %: stop
        (TIE, spread(neutral=0.5, happiness=0.5)),  # tied labels enter together
        (THREE_WAYS, spread(neutral=0.4, happiness=0.3, surprise=0.3)),  # 4 < 7.5, tie of 3 and 3
        (FOUR_WAYS, DROPPED),  # 4 < 7.5, then three tied labels: four in all
        (OUTLIERS, spread(neutral=4 / 6, happiness=2 / 6)),  # total 6; 4 < 4.5, then 6
        (UNKNOWN_WINS, DROPPED),
        (UNKNOWN_SECOND, spread(neutral=1)),  # 6 < 7.5, unknown ends it, 6 > 5
        (HALF_UNKNOWN, DROPPED),  # neutral enters, unknown ends it, 5 <= 5
        (NOT_A_FACE, DROPPED),
        (SINGLES, DROPPED),
    ],
)
def test_cross_entropy_and_probability(row, expected, rule):
    assert targets(row, rule) == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (CLEAR, spread(neutral=1)),
        (HALF, spread(neutral=5 / 8, happiness=3 / 8)),  # 2 < 3 is left out; 8 > 5
        (THREE_WAYS, spread(neutral=0.4, happiness=0.3, surprise=0.3)),  # 3 >= 3
        (FOUR_WAYS, DROPPED),  # only 4 of 10 is left
        (OUTLIERS, spread(neutral=4 / 6, happiness=2 / 6)),  # 2 >= 1.8
        (UNKNOWN_WINS, DROPPED),
        (UNKNOWN_SECOND, spread(neutral=1)),  # unknown 4 >= 3 is kept, but is no emotion
        (NOT_A_FACE, DROPPED),
        (SINGLES, DROPPED),
    ],
)
def test_multi_target(row, expected):
    assert targets(row, VoteRule.MULTI_TARGET) == expected


@pytest.mark.parametrize(
    ("row", "first", "drop"),
    [
        (CLEAR, 0, 0),
        (HALF, 0, 0),
        (TIE, 0, NO_LABEL),
        (SINGLES, 0, NO_LABEL),  # argmax drops no outliers
        (UNKNOWN_WINS, NO_LABEL, NO_LABEL),
        (HALF_UNKNOWN, 0, NO_LABEL),
        (NOT_A_FACE, NO_LABEL, NO_LABEL),
    ],
)
def test_argmax_and_its_tie_rule(row, first, drop):
    rows = np.array([row])
    assert vote_labels(rows, VoteRule.ARGMAX, TieRule.FIRST).values.tolist() == [first]
    assert vote_labels(rows, VoteRule.ARGMAX, TieRule.DROP).values.tolist() == [drop]


def test_labels_of_many_rows():
    rows = np.array([CLEAR, TIE, NOT_A_FACE])
    assert vote_labels(rows, VoteRule.MAJORITY).values.tolist() == [0, NO_LABEL, NO_LABEL]
    assert vote_labels(rows[:0], VoteRule.PROBABILITY).values.tolist() == []


@pytest.mark.parametrize("votes", [np.zeros((2, 9)), np.zeros(10), np.full((1, 10), -1)])
def test_wrong_votes(votes):
    with pytest.raises(ValueError, match="non-negative"):
        vote_targets(votes, VoteRule.MAJORITY)


votes_arrays = hnp.arrays(
    np.uint8, st.tuples(st.integers(0, 6), st.just(10)), elements=st.integers(0, 10)
)


@given(votes_arrays, st.sampled_from(VoteRule), st.sampled_from(TieRule))
def test_rows_are_distributions_or_dropped(votes, rule, tie):
    found = vote_targets(votes, rule, tie)
    totals = found.sum(axis=1)
    assert ((np.abs(totals - 1) < 1e-5) | (totals == 0)).all()
    assert (found[votes[:, :8] == 0] == 0).all() or rule is VoteRule.ARGMAX


@given(votes_arrays)
def test_majority_never_disagrees_with_the_softer_rules(votes):
    majority = vote_labels(votes, VoteRule.MAJORITY)
    for rule in SHARE_RULES:
        soft = vote_labels(votes, rule)
        assert (soft.values == majority.values)[majority.present].all()
