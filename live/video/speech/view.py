"""Speech on the page of a clip: faces and words on one axis, their agreement, and what was said."""

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from datasets.emotion_names import emotion_of
from live.clock import clock
from live.summary import MOST_BINS
from live.video.speech.agreement import Shares, count_agreement
from live.video.speech.lexicon import NEGATIVE, POSITIVE
from live.video.speech.spoken import Speech, read_speech
from live.video.speech.words import BETWEEN, Agreement, read_words

MOST_PHRASES = 200
"""Phrases that the page shows; `words.csv` has all."""
_THINNEST = 0.006
"""Width of the thinnest bar of a word, as a share of the chart."""


class Bar(NamedTuple):
    """A word with emotions in the chart: place and width as shares of it, and direction.

    `tone` is pleasant, unpleasant, or mixed (a word such as `surprise`); `fits` says whether the
    face agrees.
    """

    x: float
    width: float
    tone: str
    fits: bool


@dataclass(frozen=True)
class SpeechView:
    """What the page shows.

    Attributes:
        how: model, languages, lexicon, notes.
        count: number of words.
        rated: number of words with emotions.
        seconds: end of the chart.
        pleasant: share of pleasant labels among the predictions of each time interval.
        unpleasant: the same of unpleasant ones.
        bars: words with emotions.
        shares: agreement; None if no word counts.
        phrases: the first phrases, each with its time and its words.
        left_out: number of further ones.
    """

    how: Speech
    count: int
    rated: int
    seconds: float
    pleasant: tuple[float, ...]
    unpleasant: tuple[float, ...]
    bars: tuple[Bar, ...]
    shares: Shares | None
    phrases: tuple[dict[str, Any], ...]
    left_out: int


def view_speech(folder: Path, faces: pd.DataFrame) -> SpeechView | None:
    """Prepare the page's part on speech; None if the folder has no words' table.

    Args:
        folder: the clip's folder.
        faces: `seconds` and `label` of each face, from `faces.parquet`.
    """
    how = read_speech(folder)
    if how is None:
        return None
    words = read_words(folder)
    rated = words[words["emotions"] != ""]
    seconds = max([0.1, *faces["seconds"].tail(1), *words["end"].tail(1)])
    pleasant, unpleasant = _tones_over_time(faces, seconds)
    phrases = [
        {
            "time": clock(said[0]["start"]),
            "words": [{**word, "tone": _tone(word)} for word in said],
        }
        for said in (list(g) for _, g in groupby(words.to_dict("records"), lambda w: w["phrase"]))
    ]
    return SpeechView(
        how=how,
        count=len(words),
        rated=len(rated),
        seconds=float(seconds),
        pleasant=pleasant,
        unpleasant=unpleasant,
        bars=tuple(_bar(word, seconds) for word in rated.to_dict("records")),
        shares=count_agreement(words),
        phrases=tuple(phrases[:MOST_PHRASES]),
        left_out=max(0, len(phrases) - MOST_PHRASES),
    )


def _tones_over_time(
    faces: pd.DataFrame, seconds: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Shares of pleasant and of unpleasant labels in equal intervals from 0 to the end."""
    times = faces["seconds"].to_numpy(np.float64)
    emotions = faces["label"].map(lambda label: emotion_of(label) or label)
    edges = np.linspace(0, seconds, MOST_BINS + 1)
    places = np.digitize(times, edges[1:-1])
    total = np.maximum(np.bincount(places, minlength=MOST_BINS), 1)

    def shares(names: tuple[str, ...]) -> tuple[float, ...]:
        hits = np.bincount(places[emotions.isin(names).to_numpy(bool)], minlength=MOST_BINS)
        return tuple((hits / total).tolist())

    return shares(POSITIVE), shares(NEGATIVE)


def _bar(word: dict[str, Any], seconds: float) -> Bar:
    width = max(_THINNEST, (word["end"] - word["start"]) / seconds)
    place = min(max(0.0, word["start"] / seconds), 1 - width)
    return Bar(place, width, _tone(word), word["agreement"] == Agreement.AGREES)


def _tone(word: dict[str, Any]) -> str:
    """Whether the emotions of a word are pleasant; empty without emotions."""
    emotions = set(filter(None, word["emotions"].split(BETWEEN)))
    if not emotions:
        return ""
    if emotions <= set(POSITIVE):
        return "pleasant"
    return "unpleasant" if emotions <= set(NEGATIVE) else "mixed"
