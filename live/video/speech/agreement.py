"""How often the face agrees with what is said, with an interval, for the page of a clip."""

from collections import Counter
from typing import NamedTuple

import numpy as np
import pandas as pd

from evaluation.statistics.intervals import Interval, effective_size, proportion
from live.video.speech.words import BETWEEN, Agreement, compare


class Shares(NamedTuple):
    """Words that have emotions and were said while a face was seen.

    Attributes:
        agrees: share of the words with which the face agrees. The interval treats the words of a
            phrase as one observation, since they are said with one face.
        opposite: number of words with the opposite expression.
        neither: number of words with another one, such as neutral.
        expected: share of agreement if faces and words had nothing to do with each other: of every
            word with every face of these words.
        phrases: number of their phrases.
    """

    agrees: Interval
    opposite: int
    neither: int
    expected: float
    phrases: int


def count_agreement(words: pd.DataFrame) -> Shares | None:
    """Count the words of `words.csv`; None if no word counts."""
    counted = words[words["agreement"] != ""]
    if counted.empty:
        return None
    kinds = Counter(counted["agreement"])
    _, phrases = np.unique(counted["phrase"].to_numpy(), return_inverse=True)
    independent = effective_size(phrases.astype(np.int64))
    faces = Counter(counted["face"])
    chances = [
        sum(n for face, n in faces.items() if compare(names, face) == Agreement.AGREES)
        for names in (text.split(BETWEEN) for text in counted["emotions"])
    ]
    return Shares(
        proportion(kinds[Agreement.AGREES], len(counted), effective=independent),
        kinds[Agreement.OPPOSITE],
        kinds[Agreement.NEITHER],
        sum(chances) / len(counted) ** 2,
        int(phrases.max()) + 1,
    )
