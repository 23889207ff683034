"""The published figures of FER2013 and FER+, on whatever splits `DEADPAN_DATA` holds."""

import os

import numpy as np
import pytest

from datasets.agreement import measure_agreement
from datasets.duplicates import find_duplicates
from datasets.faceset import Split
from datasets.labels import FER7, FERPLUS8, Labels, LabelSet
from datasets.read import open_source
from datasets.source import Source
from datasets.votes import TieRule, VoteRule, vote_labels

pytestmark = pytest.mark.skipif(
    not os.environ.get("DEADPAN_DATA"), reason="DEADPAN_DATA names no FER2013 data"
)

CLASSES = {
    Split.TRAINING: [3995, 436, 4097, 7215, 4830, 3171, 4965],
    Split.PUBLIC_TEST: [467, 56, 496, 895, 653, 415, 607],
    Split.PRIVATE_TEST: [491, 55, 528, 879, 594, 416, 626],
}
KEPT = {
    VoteRule.MAJORITY: [25060, 3199, 3153],
    VoteRule.CROSS_ENTROPY: [27956, 3505, 3505],
    VoteRule.PROBABILITY: [27956, 3505, 3505],
    VoteRule.MULTI_TARGET: [27671, 3472, 3472],
    VoteRule.ARGMAX: [28389, 3553, 3546],
}
AGREEMENT = {Split.TRAINING: 67.71, Split.PUBLIC_TEST: 66.77, Split.PRIVATE_TEST: 67.05}


@pytest.fixture(scope="module")
def real_cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("real"))


@pytest.fixture(scope="module")
def source(real_cache: str) -> Source:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEADPAN_CACHE", real_cache)
        return open_source(os.environ["DEADPAN_DATA"], progress=False)


def complete(source: Source) -> bool:
    return len(source.images) == 35_887


def test_rows(source):
    assert source.images.shape[1:] == (48, 48, 1)
    assert source.fer[:16].tolist() == [0, 0, 2, 4, 6, 2, 4, 3, 3, 2, 0, 6, 6, 6, 3, 5]
    for split in source.splits:
        faces = source.faces(split)
        assert np.bincount(faces.fer).tolist() == CLASSES[split]
    assert source.faces(Split.TRAINING).row_ids[-1] == 28_708


def test_rows_that_each_rule_keeps(source):
    for place, split in enumerate(CLASSES):
        if split in source.splits:
            votes = source.faces(split).votes
            kept = {rule: vote_labels(votes, rule).present.sum() for rule in VoteRule}
            assert kept == {rule: counts[place] for rule, counts in KEPT.items()}


def test_majority_counts_of_public_test(source):
    labels = source.faces(Split.PUBLIC_TEST).labels(LabelSet.FERPLUS)
    counts = np.bincount(labels.values[labels.present], minlength=8)
    assert counts.tolist() == [1182, 865, 415, 351, 287, 24, 62, 13]


def test_votes(source):
    totals = source.votes.sum(axis=1)
    assert sorted(set(totals.tolist())) == [9, 10] and (totals == 9).sum() == 1
    tied = (source.votes == source.votes.max(axis=1, keepdims=True)).sum(axis=1) > 1
    assert tied.sum() == (1776 if complete(source) else 1606)
    dropped = vote_labels(source.votes, VoteRule.ARGMAX, TieRule.DROP)
    assert not dropped.present[tied].any()


def test_agreement(source):
    for split in source.splits:
        faces = source.faces(split)
        found = measure_agreement(faces.labels(LabelSet.FER), faces.labels(LabelSet.FERPLUS))
        assert 100 * found.share == pytest.approx(AGREEMENT[split], abs=0.005)
    whole = measure_agreement(
        Labels(FER7, source.fer), vote_labels(source.votes, VoteRule.MAJORITY)
    )
    assert whole.kappa == pytest.approx(0.599, abs=0.0005)
    if complete(source):
        expected = {"happy": 93.3, "neutral": 89.0, "surprise": 83.5, "angry": 52.9}
        expected |= {"sad": 43.4, "disgust": 35.8, "fear": 13.9}
    else:
        expected = {"happy": 93.2, "neutral": 88.9, "surprise": 84.1, "angry": 52.7}
        expected |= {"sad": 43.7, "disgust": 36.1, "fear": 13.7}
    found_shares = dict(zip(FER7.classes, np.round(100 * whole.survival, 1)))
    assert found_shares == expected
    assert whole.counts.shape == (FER7.num_classes, FERPLUS8.num_classes)


def test_duplicates(source):
    found = find_duplicates(source.images, source.fer)
    figures = (
        found.num_groups,
        int((found.group >= 0).sum()),
        found.num_conflicting_groups,
        int(found.conflicting.sum()),
        int(found.constant.sum()),
    )
    assert figures == ((1516, 3369, 57, 160, 12) if complete(source) else (1273, 2805, 47, 129, 12))
    assert source.faces(Split.PUBLIC_TEST).leaked.sum() == 280
    if Split.PRIVATE_TEST in source.splits:
        assert source.faces(Split.PRIVATE_TEST).leaked.sum() == 288


def test_second_read_parses_nothing(source, real_cache, monkeypatch):
    monkeypatch.setenv("DEADPAN_CACHE", real_cache)
    monkeypatch.setattr("datasets.read.parse_csv", None)
    again = open_source(os.environ["DEADPAN_DATA"], progress=False)
    assert (again.images == source.images).all()
