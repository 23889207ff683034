"""Figures against ten votes, from rows whose sums are done by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.labels import FER7, FERPLUS8
from evaluation.metrics import votes as vote_metrics

# neutral happiness surprise sadness anger disgust fear contempt unknown NF
VOTES = np.array(
    [
        [6, 2, 0, 0, 0, 0, 0, 2, 0, 0],
        [0, 0, 0, 0, 4, 0, 1, 0, 5, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 3, 7],
    ]
)


def test_agreement_by_hand():
    happiness, anger = 1, 4
    found = vote_metrics.agreement(VOTES, np.array([happiness, anger, anger]), FERPLUS8)
    np.testing.assert_allclose(found, [2 / 10, 4 / 5, np.nan])


def test_a_contempt_vote_disagrees_with_a_model_without_contempt():
    neutral, angry = 6, 0
    found = vote_metrics.agreement(VOTES, np.array([neutral, angry, angry]), FER7)
    np.testing.assert_allclose(found, [6 / 10, 4 / 5, np.nan])


def test_cross_entropy_by_hand():
    logits = np.zeros((3, 8))  # each class has probability 1/8
    found = vote_metrics.cross_entropy(VOTES, logits, FERPLUS8)
    np.testing.assert_allclose(found, [np.log(8), np.log(8), np.nan])
    logits[0, 0] = np.log(9)  # neutral 9/16, the others 1/16
    found = vote_metrics.cross_entropy(VOTES, logits, FERPLUS8)
    assert found[0] == pytest.approx(-0.6 * np.log(9 / 16) - 0.4 * np.log(1 / 16))


def test_one_vote_counts():
    votes = np.eye(10, dtype=int)[[4]]  # one annotator, anger
    assert vote_metrics.agreement(votes, np.array([4]), FERPLUS8).tolist() == [1]
    found = vote_metrics.cross_entropy(votes, np.zeros((1, 8)), FERPLUS8)
    assert found == pytest.approx([np.log(8)])


def test_cross_entropy_leaves_contempt_out_for_a_model_without_it():
    logits = np.zeros((1, 7))
    logits[0, 6] = np.log(4)  # neutral 4/10, the others 1/10; votes 6 neutral, 2 happy of 8
    found = vote_metrics.cross_entropy(VOTES[:1], logits, FER7)
    assert found[0] == pytest.approx(-0.75 * np.log(0.4) - 0.25 * np.log(0.1))


def test_plausible_needs_two_annotators():
    rows = VOTES[[0, 0, 1, 1]]
    happiness, contempt, anger, fear = 1, 7, 4, 6
    found = vote_metrics.plausible(rows, np.array([happiness, contempt, anger, fear]), FERPLUS8)
    np.testing.assert_array_equal(found, [True, True, True, False])


def test_votes_in_the_order_of_fer():
    counted = vote_metrics.emotion_votes(VOTES[:1], FER7)
    np.testing.assert_array_equal(counted, [[0, 0, 0, 2, 0, 0, 6]])


@given(st.integers(0, 10_000))
def test_no_model_has_less_cross_entropy_than_the_votes_themselves(seed):
    rng = np.random.default_rng(seed)
    votes = np.zeros((1, 10), np.int64)
    votes[0, :8] = rng.multinomial(10, np.full(8, 1 / 8))
    shares = votes[0, :8][votes[0, :8] > 0] / 10
    entropy = -(shares * np.log(shares)).sum()
    found = vote_metrics.cross_entropy(votes, rng.normal(size=(1, 8)), FERPLUS8)
    assert found[0] >= entropy - 1e-9


@given(st.integers(0, 10_000))
def test_agreement_over_all_classes_is_everyone(seed):
    votes = np.random.default_rng(seed).integers(0, 4, (1, 10)) + np.eye(10, dtype=int)[:1]
    total = sum(vote_metrics.agreement(votes, np.array([k]), FERPLUS8)[0] for k in range(8))
    assert total == pytest.approx(1)


@pytest.mark.parametrize("votes", [np.zeros((2, 8)), np.zeros(10), np.full((2, 10), -1)])
def test_bad_votes_are_refused(votes):
    with pytest.raises(ValueError, match="`votes` must be"):
        vote_metrics.emotion_votes(votes, FERPLUS8)


@pytest.mark.parametrize("predictions", [np.array([0]), np.array([0, 1, -1])])
def test_bad_predictions_are_refused(predictions):
    with pytest.raises(ValueError, match="`predictions` must be"):
        vote_metrics.plausible(VOTES, predictions, FERPLUS8)
