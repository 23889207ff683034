"""Words beside faces: which face is seen during a word, whether it agrees, and the shares."""

import pandas as pd
import pytest

from live.video.parts import PARQUET
from live.video.speech.agreement import count_agreement
from live.video.speech.lexicon import NEGATIVE, NOTHING, POSITIVE, Meaning
from live.video.speech.listener import Word
from live.video.speech.words import compare, read_words, write_words


class Colours:
    """A lexicon in which colours have emotions."""

    name, version = "colours", "1"
    known = {"gold": ("happy",), "grey": NEGATIVE, "white": ("surprise",)}  # noqa: RUF012

    def read(self, words):
        return [Meaning(None, self.known[w]) if w in self.known else NOTHING for w in words]


def said(*words):
    return [Word(start, end, text, 0.9, phrase) for start, end, text, phrase in words]


@pytest.fixture
def folder(tmp_path):
    """Ten frames per second: happy for a second, nobody, sad, and two faces at the end."""
    rows = [(i / 10, "happiness") for i in range(10)]
    rows += [(i / 10, None) for i in range(10, 20)]
    rows += [(i / 10, "sadness") for i in range(20, 30)]
    rows += [(i / 10, label) for i in range(30, 32) for label in ("neutral", "neutral", "anger")]
    pd.DataFrame(rows, columns=["seconds", "label"]).to_parquet(tmp_path / PARQUET)
    return tmp_path


def test_face_of_a_word_is_the_one_seen_while_it_is_said(folder):
    words = said(
        (0.51, 0.53, "gold", 0),  # between two frames: the one that is still shown
        (0.85, 1.25, "grey", 0),  # its first frames alone have a face
        (1.4, 1.6, "gold", 1),  # nobody is seen
        (2.0, 2.4, "grey", 1),
        (2.4, 2.5, "table", 1),
        (3.0, 3.15, "gold", 2),  # two faces
        (3.15, 9.0, "white", 2),  # lasts longer than the pictures
        (9.0, 9.5, "gold", 3),  # after the pictures
    )
    assert write_words(folder, words, Colours()) == 8
    table = read_words(folder)
    assert table["face"].tolist() == [
        *("happiness", "happiness", "", "sadness", "sadness", "neutral", "neutral", "")
    ]
    assert table["agreement"].tolist() == [
        *("agrees", "opposite", "", "agrees", "", "neither", "neither", "")
    ]
    assert table["emotions"].tolist()[:2] == ["happy", "angry|disgust|fear|sad|contempt"]
    assert table["valence"].isna().all()


@pytest.mark.parametrize(
    ("emotions", "face", "expected"),
    [
        (POSITIVE, "happy", "agrees"),
        (POSITIVE, "happiness", "agrees"),
        (POSITIVE, "anger", "opposite"),
        (POSITIVE, "neutral", "neither"),
        (POSITIVE, "surprise", "neither"),
        (NEGATIVE, "contempt", "agrees"),
        (NEGATIVE, "happiness", "opposite"),
        (("sad",), "anger", "neither"),
        (("sad", "surprise"), "happy", "opposite"),
        (("surprise",), "happy", "neither"),
        (("happy", "sad"), "angry", "neither"),  # the word itself is both
        (POSITIVE, "", ""),
    ],
)
def test_agreement_of_a_face_with_a_word(emotions, face, expected):
    assert compare(emotions, face) == expected


def shares_of(rows):
    columns = ["phrase", "emotions", "face", "agreement"]
    table = [(p, "|".join(e), face, compare(e, face)) for p, e, face in rows]
    return count_agreement(pd.DataFrame(table, columns=columns))


def test_shares_count_each_word_and_each_phrase_once():
    rows = [(0, POSITIVE, "happy"), (0, NEGATIVE, "happy"), (1, POSITIVE, "sad")]
    shares = shares_of([*rows, (1, POSITIVE, "neutral"), (2, NEGATIVE, "")])
    assert (shares.agrees.value, shares.agrees.n, shares.phrases) == (0.25, 4, 2)
    assert (shares.opposite, shares.neither) == (2, 1)
    # of 4 x 4 pairs: 3 pleasant words with 2 happy faces, 1 unpleasant one with 1 sad face
    assert shares.expected == pytest.approx(7 / 16)


def test_words_of_one_phrase_do_not_narrow_the_interval():
    apart = shares_of([(i, POSITIVE, "happy" if i % 2 else "sad") for i in range(40)])
    together = shares_of([(i // 20, POSITIVE, "happy" if i % 2 else "sad") for i in range(40)])
    assert together.agrees.high - together.agrees.low > 2 * (apart.agrees.high - apart.agrees.low)
    assert together.agrees.value == apart.agrees.value == 0.5


def test_without_a_word_that_counts_there_are_no_shares():
    assert shares_of([(0, POSITIVE, "")]) is None
