"""Which expressions fit a spoken word: VADER's lexicon, or a csv of the user's.

VADER rates how pleasant a word is, not which emotion it names, so a pleasant word fits a happy face
and an unpleasant one any of `NEGATIVE`. Source: Hutto & Gilbert 2014, ICWSM; its lexicon has the
MIT licence. Lexicons that are free for research only are read from the user's file, never shipped.
"""

import csv
import string
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple, Protocol

from datasets.base.errors import InputError
from datasets.base.hashes import file_sha256
from datasets.base.special_files import refuse_special_file
from datasets.emotion_names import check_other, emotion_of

POSITIVE = ("happy",)
NEGATIVE = ("angry", "disgust", "fear", "sad", "contempt")
_GROUPS = {"positive": POSITIVE, "negative": NEGATIVE}
_NO_EXPRESSION = ("anticipation", "trust")
"""Emotions of lexicons such as NRC's that no label set of faces has."""
_HIGHEST = 4.0
"""VADER's valences lie in [-4, 4] before words such as `very` are counted."""
_APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
_AROUND = string.whitespace + string.punctuation + "“”…"
_REACH = 3
"""A negation changes the words after it up to this distance, as in VADER."""


class Meaning(NamedTuple):
    """What a lexicon knows of a word where it was said.

    Attributes:
        valence: from -1, unpleasant, to 1; None if the lexicon does not say.
        emotions: expressions that fit, in the words of FER2013 and contempt; empty if it has none.
    """

    valence: float | None
    emotions: tuple[str, ...]


NOTHING = Meaning(None, ())


class Lexicon(Protocol):
    """Knows the emotions of words.

    Attributes:
        name: what it is called on the page.
        version: changes with its content.
    """

    name: str
    version: str

    def read(self, words: Sequence[str]) -> list[Meaning]:
        """Meanings of the words of one phrase, in order."""
        ...


class Vader:
    """VADER's valences, with its rules for negations and for words such as `very`."""

    name = "VADER"

    def __init__(self) -> None:
        """Load the lexicon.

        Raises:
            InputError: vaderSentiment is not installed.
        """
        try:
            from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
        except ModuleNotFoundError as error:
            raise _not_installed(error) from error
        self.version = version("vaderSentiment")
        self._analyzer = SentimentIntensityAnalyzer()

    def read(self, words: Sequence[str]) -> list[Meaning]:
        """Meanings of the words of one phrase, in order."""
        from vaderSentiment.vaderSentiment import BOOSTER_DICT, SentiText

        text = SentiText(" ".join(words))
        found = []
        for i, word in enumerate(text.words_and_emoticons):
            after = text.words_and_emoticons[i + 1 : i + 2]
            kind_of = word.lower() == "kind" and [w.lower() for w in after] == ["of"]
            if word.lower() in BOOSTER_DICT or kind_of:
                found.append(NOTHING)
                continue
            (valence,) = self._analyzer.sentiment_valence(0, text, word, i, [])
            found.append(_rated(valence))
        return found


class Table:
    """A lexicon of `word,emotion[,weight]`; words after a negation are left out."""

    def __init__(self, path: Path) -> None:
        """Read the file: csv, or separated by tabs, with or without a first row of names.

        Emotions are those of faces in any usual spelling, `positive` and `negative`; known others,
        such as `trust`, are left out, and so are rows of weight 0.

        Raises:
            InputError: it cannot be read, a row has another form or an unknown emotion, or no
                emotion is one of a face.
        """
        refuse_special_file(path, "a csv for --lexicon")
        self.name = path.name
        try:
            from vaderSentiment.vaderSentiment import negated
        except ModuleNotFoundError as error:
            raise _not_installed(error) from error
        self._negated = negated
        self._emotions = _read_table(path)
        self.version = file_sha256(path)

    def read(self, words: Sequence[str]) -> list[Meaning]:
        """Meanings of the words of one phrase, in order."""
        plain = [_plain(word) for word in words]
        return [
            NOTHING
            if self._negated(plain[max(0, i - _REACH) : i])
            else Meaning(None, self._emotions.get(word, ()))
            for i, word in enumerate(plain)
        ]


def load_lexicon(path: Path | None) -> Lexicon:
    """Load the user's lexicon, or VADER's if there is none."""
    return Vader() if path is None else Table(path)


def _rated(valence: float) -> Meaning:
    if not valence:
        return NOTHING
    share = max(-1.0, min(1.0, valence / _HIGHEST))
    return Meaning(round(share, 4), POSITIVE if share > 0 else NEGATIVE)


def _read_table(path: Path) -> dict[str, tuple[str, ...]]:
    """Emotions of each word; where it has names and groups the names count, since they say more."""
    groups: dict[str, tuple[str, ...]] = {}
    named: dict[str, tuple[str, ...]] = {}
    for number, word, emotion, weight in _rows(path):
        name = emotion_of(emotion) or emotion.lower()
        if not (emotion_of(emotion) or name in (*_GROUPS, *_NO_EXPRESSION)):
            try:
                check_other(emotion)
            except ValueError as error:
                raise InputError(
                    f"{path}:{number}: expected an emotion such as fear, positive or negative; "
                    f"found {emotion[:40]!r}. Correct or remove its rows."
                ) from error
        elif weight and name in _GROUPS:
            groups[word] = (*groups.get(word, ()), *_GROUPS[name])
        elif weight and name not in _NO_EXPRESSION:
            named[word] = (*named.get(word, ()), name)
    found = {**groups, **named}
    if not found:
        raise InputError(
            f"--lexicon: {path} has no word with an emotion of faces. Name a csv of "
            "word,emotion[,weight]."
        )
    return found


def _rows(path: Path) -> list[tuple[int, str, str, float]]:
    """Number, word, emotion and weight of each row."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        separator = "\t" if lines and "\t" in lines[0] else ","
        found = list(csv.reader(lines, delimiter=separator))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"--lexicon must be a csv in UTF-8; got {path}: {error}.") from error
    rows = []
    for number, cells in enumerate(found, 1):
        cells = [cell.strip() for cell in cells]
        if not any(cells) or (number == 1 and cells[:2] == ["word", "emotion"]):
            continue
        weight = _weight(cells)
        if weight is None or not all(cells[:2]):
            raise InputError(
                f"{path}:{number}: expected word,emotion or word,emotion,weight; found "
                f"{separator.join(cells)[:60]!r}. Correct or remove this row."
            )
        rows.append((number, _plain(cells[0]), cells[1], weight))
    return rows


def _weight(cells: list[str]) -> float | None:
    """The third cell, 1 without one; None if the row has another form."""
    try:
        return float(cells[2]) if len(cells) == 3 else 1.0 if len(cells) == 2 else None
    except ValueError:
        return None


def _plain(word: str) -> str:
    return word.replace(_APOSTROPHE, "'").strip(_AROUND).lower()


def _not_installed(error: ModuleNotFoundError) -> InputError:
    return InputError(
        f"--speech needs {error.name}, which is not installed: pip install -e '.[speech]'."
    )
