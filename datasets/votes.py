"""FER+ votes and the five rules that turn ten annotators' votes into labels.

Columns of a vote array: the eight emotions of `FERPLUS8`, then unknown, then NF (not a face).

Source: Barsoum et al. 2016, "Training deep networks for facial expression recognition with
crowd-sourced label distribution", arXiv 1608.01041, section 3 and its published label code.
"""

from enum import StrEnum

import numpy as np

from datasets.labels import FERPLUS8, NO_LABEL, Labels

VOTE_COLUMNS: tuple[str, ...] = (*FERPLUS8.classes, "unknown", "NF")
_EMOTIONS = FERPLUS8.num_classes


class VoteRule(StrEnum):
    """Rules that turn votes into labels."""

    MAJORITY = "majority"
    CROSS_ENTROPY = "cross_entropy"
    PROBABILITY = "probability"
    MULTI_TARGET = "multi_target"
    ARGMAX = "argmax"


class TieRule(StrEnum):
    """How `VoteRule.ARGMAX` treats a row with a tied top vote (1,776 rows of FER+)."""

    FIRST = "first"
    DROP = "drop"


def vote_targets(votes: np.ndarray, rule: VoteRule, tie: TieRule = TieRule.FIRST) -> np.ndarray:
    """Return the target distribution of each row under a rule.

    Args:
        votes: integer (N, 10), columns `VOTE_COLUMNS`.
        rule: label rule; `majority` and `argmax` give one-hot rows, the others soft ones.
        tie: for `argmax` only: keep the first of the tied columns, or drop the row.

    Returns:
        float32 (N, 8), rows sum to 1, or are all zero where the rule drops the row.

    Raises:
        ValueError: votes have the wrong shape or are negative.
    """
    votes = np.asarray(votes)
    if votes.ndim != 2 or votes.shape[1] != len(VOTE_COLUMNS) or (votes < 0).any():
        raise ValueError(
            f"`votes` must be non-negative (N, {len(VOTE_COLUMNS)}). Received: shape={votes.shape}"
        )
    counts = votes.astype(np.float64)
    if rule is VoteRule.ARGMAX:
        kept = _argmax(counts, tie)
    else:
        counts[counts <= 1] = 0  # a label with one vote is an outlier
        kept = _RULES[rule](counts)
    return _emotions_only(kept).astype(np.float32)


def vote_labels(votes: np.ndarray, rule: VoteRule, tie: TieRule = TieRule.FIRST) -> Labels:
    """Return the emotion with most votes in each row, `NO_LABEL` where the rule drops the row."""
    targets = vote_targets(votes, rule, tie)
    values = np.where(targets.any(axis=1), targets.argmax(axis=1), NO_LABEL)
    return Labels(FERPLUS8, values)


def _argmax(counts: np.ndarray, tie: TieRule) -> np.ndarray:
    top = counts.argmax(axis=1)
    kept = np.zeros_like(counts)
    kept[np.arange(len(counts)), top] = 1
    if tie is TieRule.DROP:
        kept[(counts == counts.max(axis=1, keepdims=True)).sum(axis=1) > 1] = 0
    return kept


def _majority(counts: np.ndarray) -> np.ndarray:
    top = counts.max(axis=1, keepdims=True)
    won = top > 0.5 * counts.sum(axis=1, keepdims=True)
    return np.where(won & (counts == top), counts, 0)


def _top_share(counts: np.ndarray) -> np.ndarray:
    """Keep top labels until they have 75 % of the votes or are three; stop at unknown or NF.

    Tied labels are added together, in column order; more than three labels discard the row.
    """
    return np.stack([_top_share_of_row(row) for row in counts]) if len(counts) else counts


def _top_share_of_row(row: np.ndarray) -> np.ndarray:
    kept = np.zeros_like(row)
    left = row.copy()
    total = row.sum()
    while kept.sum() < 0.75 * total and np.count_nonzero(kept) < 3:
        top = left.max()
        for column in np.flatnonzero(left == top):
            if column >= _EMOTIONS:
                if not kept.any():
                    kept[column] = top
                return _discard_unless_covered(kept, total)
            kept[column] = top
            left[column] = 0
    return _discard_unless_covered(kept, total)


def _discard_unless_covered(kept: np.ndarray, total: float) -> np.ndarray:
    if kept.sum() <= 0.5 * total or np.count_nonzero(kept) > 3:
        return np.zeros_like(kept)
    return kept


def _multi_target(counts: np.ndarray) -> np.ndarray:
    total = counts.sum(axis=1, keepdims=True)
    kept = np.where(counts >= 0.3 * total, counts, 0)
    kept[kept.sum(axis=1) <= 0.5 * total[:, 0]] = 0
    return kept


_RULES = {
    VoteRule.MAJORITY: _majority,
    VoteRule.CROSS_ENTROPY: _top_share,
    VoteRule.PROBABILITY: _top_share,
    VoteRule.MULTI_TARGET: _multi_target,
}


def _emotions_only(kept: np.ndarray) -> np.ndarray:
    """Zero rows won by unknown or NF, and renormalise the rest over the eight emotions."""
    emotions = kept[:, :_EMOTIONS].copy()
    emotions[kept.argmax(axis=1) >= _EMOTIONS] = 0
    total = emotions.sum(axis=1, keepdims=True)
    return np.divide(emotions, total, out=np.zeros_like(emotions), where=total > 0)
