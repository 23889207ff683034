"""Choose generated faces, and let ten classifiers vote on them."""

import numpy as np
from scipy.special import softmax

from datasets.faceset import FaceSet
from datasets.labels import FER7, FERPLUS8, translate
from datasets.votes import VOTE_COLUMNS
from fer_models.classifier import Classifier
from fer_models.generator.flow import conditions_of

SELECTORS = ("vgg_small.fer", "simple_cnn.fer", "mini_xception.fer")
"""Classifiers that must agree on the intended expression; our others rarely predict disgust."""

VOTERS = (
    *("vgg_small.fer", "vgg_small.ferplus", "simple_cnn.fer", "simple_cnn.ferplus"),
    *("mini_xception.fer", "mini_xception.ferplus", "hybrid.fer"),
    *("hog_svm.fer", "hog_landmark_svm.fer", "lgbm_flat.fer"),
)
"""Ten differently trained classifiers, one simulated vote each."""

CLEAR = 0.6
"""Smallest share of the votes for a Training face's own expression that makes it an example."""

_FER_COLUMNS = translate(np.arange(FER7.num_classes), FER7, FERPLUS8)


def examples(training: FaceSet, classes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Conditions to draw from: of Training faces whose FER label the FER+ votes share.

    Args:
        training: faces with both labels.
        classes: int64 (N,) FER classes wanted.
        rng: random generator.

    Returns:
        float32 (N, D), see `conditions_of`.
    """
    conditions = conditions_of(training)
    fer, shares = np.split(conditions, [FER7.num_classes], axis=1)
    labels = fer.argmax(axis=1)
    clear = shares[np.arange(len(labels)), _FER_COLUMNS[labels]] >= CLEAR
    chosen = np.empty((len(classes), conditions.shape[1]), np.float32)
    for label in np.unique(classes):
        wanted = classes == label
        like = np.flatnonzero(clear & (labels == label))
        chosen[wanted] = conditions[rng.choice(like, wanted.sum())]
    return chosen


def probabilities(classifier: Classifier, images: np.ndarray) -> np.ndarray:
    """Probability of the eight FER+ emotions, float64 (N, 8), of images uint8 (N, H, W, C).

    A FER classifier has no class contempt and gives it probability 0.
    """
    logits = classifier.logits(images.astype(np.float32) / 255)
    found = softmax(logits.astype(np.float64), axis=1)
    if classifier.scheme == FERPLUS8:
        return found
    if classifier.scheme != FER7:
        name = classifier.scheme.name
        raise ValueError(f"voters must have FER or FER+ classes. Received: {name!r}")
    wide = np.zeros((len(found), FERPLUS8.num_classes))
    wide[:, _FER_COLUMNS] = found
    return wide


def intended_probability(answers: list[np.ndarray], classes: np.ndarray) -> np.ndarray:
    """Mean probability of the intended FER class, float64 (N,); 0 where another's is higher.

    Args:
        answers: probabilities of each selector, float64 (N, 8).
        classes: int64 (N,) FER classes.
    """
    columns = _FER_COLUMNS[classes]
    rows = np.arange(len(classes))
    mean = np.mean(answers, axis=0)
    return np.where(mean.argmax(axis=1) == columns, mean[rows, columns], 0)


def choose(agreement: np.ndarray, classes: np.ndarray, count: int) -> np.ndarray:
    """Rows of the `count` faces of each class that the selectors are most certain of.

    Args:
        agreement: float64 (N,), see `intended_probability`; 0 for a face that was rejected.
        classes: int64 (N,) FER classes.
        count: faces per class.

    Returns:
        int64 (7 * count,), class by class, in the order in which they were drawn.

    Raises:
        ValueError: a class has too few.
    """
    chosen = []
    for label, name in enumerate(FER7.classes):
        rows = np.flatnonzero((classes == label) & (agreement > 0))
        if len(rows) < count:
            raise ValueError(
                f"{count} faces per class that the selectors agree on are needed. "
                f"Received: {len(rows)} for {name}; draw more candidates"
            )
        chosen.append(np.sort(rows[np.argsort(-agreement[rows], kind="stable")[:count]]))
    return np.concatenate(chosen)


def cast_votes(answers: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """One vote of each voter, drawn from its probabilities; uint8 (N, 10), see `VOTE_COLUMNS`.

    Args:
        answers: probabilities of each voter, float64 (N, 8).
        rng: random generator.
    """
    votes = np.zeros((len(answers[0]), len(VOTE_COLUMNS)), np.uint8)
    for answer in answers:
        drawn = (rng.random((len(answer), 1)) > np.cumsum(answer, axis=1)).sum(axis=1)
        votes[np.arange(len(votes)), np.minimum(drawn, FERPLUS8.num_classes - 1)] += 1
    return votes
