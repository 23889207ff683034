"""A classifier compared with all votes of ten annotators, where no single label is the truth.

Votes are integers (N, 10): the eight emotions of `FERPLUS8`, then unknown, then NF (not a face).
Only emotions count: an annotator who named none neither agrees nor disagrees.
"""

import numpy as np
from scipy.special import log_softmax

from datasets.labels import FERPLUS8, NO_LABEL, LabelScheme, translate

PLAUSIBLE_VOTES = 2
"""A flip is plausible when at least this many annotators chose the predicted emotion: FER+ treats a
single vote as an outlier."""


def emotion_votes(votes: np.ndarray, scheme: LabelScheme) -> np.ndarray:
    """Votes for each of a model's classes.

    Args:
        votes: integers (N, 10).
        scheme: the model's classes.

    Returns:
        float64 (N, K): 0 for a class that annotators could not choose; votes for an emotion that
        the model lacks are not in it.

    Raises:
        ValueError: votes are negative or not (N, 10).
    """
    columns = translate(np.arange(scheme.num_classes), scheme, FERPLUS8)
    known: np.ndarray = _checked(votes)[:, columns]
    known[:, columns == NO_LABEL] = 0
    return known


def agreement(votes: np.ndarray, predictions: np.ndarray, scheme: LabelScheme) -> np.ndarray:
    """Probability that an annotator who named an emotion named the predicted one, float64 (N,).

    NaN where no annotator named an emotion. A contempt vote disagrees with a model without
    contempt.
    """
    chosen = _chosen(votes, predictions, scheme)
    named = _checked(votes)[:, : FERPLUS8.num_classes].sum(axis=1)
    return np.divide(chosen, named, out=np.full(len(chosen), np.nan), where=named > 0)


def cross_entropy(votes: np.ndarray, logits: np.ndarray, scheme: LabelScheme) -> np.ndarray:
    """Cross-entropy of the probabilities to the distribution of the votes, float64 (N,), in nats.

    The votes are renormalised over the model's classes; NaN where none of them has a vote. The
    lowest possible value is the entropy of the votes, not 0.
    """
    cast = emotion_votes(votes, scheme)
    total = cast.sum(axis=1, keepdims=True)
    shares = np.divide(cast, total, out=np.full(cast.shape, np.nan), where=total > 0)
    return -(shares * log_softmax(np.asarray(logits, np.float64), axis=1)).sum(axis=1)


def plausible(votes: np.ndarray, predictions: np.ndarray, scheme: LabelScheme) -> np.ndarray:
    """Bool (N,): at least `PLAUSIBLE_VOTES` annotators chose the predicted emotion."""
    return _chosen(votes, predictions, scheme) >= PLAUSIBLE_VOTES


def _chosen(votes: np.ndarray, predictions: np.ndarray, scheme: LabelScheme) -> np.ndarray:
    """Annotators who chose the predicted emotion, float64 (N,)."""
    predictions = np.asarray(predictions)
    if predictions.shape != (len(votes),) or (predictions == NO_LABEL).any():
        raise ValueError(
            "`predictions` must be one class for each row of `votes`. "
            f"Received: shape={predictions.shape} for {len(votes)} rows"
        )
    return emotion_votes(votes, scheme)[np.arange(len(votes)), predictions]


def _checked(votes: np.ndarray) -> np.ndarray:
    votes = np.asarray(votes, np.float64)
    if votes.ndim != 2 or votes.shape[1] != FERPLUS8.num_classes + 2 or (votes < 0).any():
        raise ValueError(
            f"`votes` must be non-negative (N, {FERPLUS8.num_classes + 2}). "
            f"Received: shape={votes.shape}"
        )
    return votes
