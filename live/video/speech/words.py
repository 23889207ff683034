"""The words of a clip as a table, each with its emotions and the face that was seen meanwhile.

Writes `words.csv`, one row per word:

    start,end,word,probability,phrase,valence,emotions,face,agreement

`start` and `end` are seconds in the clip; `phrase` counts from 0; `valence` and `emotions` are the
lexicon's, several emotions separated by `|`; `face` is the most frequent prediction on the clean
faces that were seen during the word. `agreement` is empty unless the word has emotions and a face
was seen, and else one of `Agreement`.
"""

from collections.abc import Sequence
from enum import StrEnum
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd

from datasets.base.atomic import atomic
from datasets.base.errors import InputError, words_of
from datasets.emotion_names import emotion_of
from live.video.parts import PARQUET
from live.video.speech.lexicon import NEGATIVE, POSITIVE, Lexicon
from live.video.speech.listener import Word

WORDS = "words.csv"
COLUMNS = (
    *("start", "end", "word", "probability", "phrase"),
    *("valence", "emotions", "face", "agreement"),
)
BETWEEN = "|"
_HELD = 0.5
"""Seconds for which a frame is shown at most, until the next."""


class Agreement(StrEnum):
    """What a face shows while a word with emotions is said."""

    AGREES = "agrees"
    """An expression that fits the word."""
    OPPOSITE = "opposite"
    """A pleasant expression with an unpleasant word, or the reverse."""
    NEITHER = "neither"
    """Another one, such as neutral or surprise."""


def write_words(folder: Path, words: Sequence[Word], lexicon: Lexicon) -> int:
    """Write the words of a clip into its folder, which holds its rows; return their number."""
    rows = pd.read_parquet(folder / PARQUET, columns=["seconds", "label"])
    times = np.unique(rows["seconds"].to_numpy())
    seen = rows.dropna(subset="label").sort_values("seconds", kind="stable")
    table = []
    for _, phrase in groupby(words, key=lambda word: word.phrase):
        said = list(phrase)
        for word, meaning in zip(said, lexicon.read([word.text for word in said]), strict=True):
            face = _face(word, times, seen)
            table.append(
                {
                    "start": round(word.start, 3),
                    "end": round(word.end, 3),
                    "word": word.text,
                    "probability": round(word.probability, 4),
                    "phrase": word.phrase,
                    "valence": meaning.valence,
                    "emotions": BETWEEN.join(meaning.emotions),
                    "face": face,
                    "agreement": compare(meaning.emotions, face) if meaning.emotions else "",
                }
            )
    with atomic(folder / WORDS) as unfinished:
        pd.DataFrame(table, columns=list(COLUMNS)).to_csv(unfinished, index=False)
    return len(table)


def read_words(folder: Path) -> pd.DataFrame:
    """The table of a clip's folder; texts that are missing are empty.

    Raises:
        InputError: the file is missing or damaged.
    """
    kinds: dict[str, type] = {name: float for name in ("start", "end", "probability", "valence")}
    kinds |= {name: str for name in ("word", "emotions", "face", "agreement")} | {"phrase": int}
    try:
        found = pd.read_csv(
            folder / WORDS, dtype=kinds, keep_default_na=False, na_values={"valence": ""}
        )
        if list(found) != list(COLUMNS):
            raise ValueError(f"columns {', '.join(map(str, found))}")
    except (OSError, ValueError, OverflowError) as error:
        raise InputError(
            f"{folder / WORDS}: expected the words of a clip, found {words_of(error)}. Delete it: "
            "the clip is listened to again."
        ) from error
    return found


def compare(emotions: Sequence[str], face: str) -> str:
    """Whether a face agrees with the emotions of a word; empty without a face.

    Args:
        emotions: at least one, in the words of FER2013 and contempt.
        face: label of any classifier.
    """
    if not face:
        return ""
    shown = emotion_of(face) or face
    if shown in emotions:
        return Agreement.AGREES
    pleasant = {emotion in POSITIVE for emotion in emotions if emotion in (*POSITIVE, *NEGATIVE)}
    if len(pleasant) == 1 and shown in (NEGATIVE if pleasant.pop() else POSITIVE):
        return Agreement.OPPOSITE
    return Agreement.NEITHER


def _face(word: Word, times: np.ndarray, seen: pd.DataFrame) -> str:
    """Most frequent label in the frames that are shown during a word; empty without a face."""
    first = max(0, int(np.searchsorted(times, word.start, "right")) - 1)
    if len(times) and times[first] < word.start - _HELD:
        first += 1
    shown = times[first : int(np.searchsorted(times, word.end, "left"))]
    if not len(shown):
        return ""
    seconds = seen["seconds"].to_numpy()
    begin, end = (
        np.searchsorted(seconds, shown[0], "left"),
        np.searchsorted(seconds, shown[-1], "right"),
    )
    labels = seen["label"].iloc[begin:end]
    return str(labels.mode().iloc[0]) if len(labels) else ""
