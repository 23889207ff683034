"""Words to expressions: VADER's with negations, and lexicons of the user's."""

import pytest

from datasets.base.errors import InputError
from live.video.speech.lexicon import NEGATIVE, NOTHING, POSITIVE, load_lexicon

pytest.importorskip("vaderSentiment")


def emotions(text, lexicon):
    words = text.split()
    return dict(zip(words, (meaning.emotions for meaning in lexicon.read(words)), strict=True))


@pytest.fixture(scope="module")
def vader():
    return load_lexicon(None)


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        ("I am so happy today.", "happy", POSITIVE),
        ("I am not happy today.", "happy", NEGATIVE),
        ("That was TERRIBLE,", "TERRIBLE,", NEGATIVE),
        ("It was not terrible", "terrible", POSITIVE),
        ("very good", "very", ()),
        ("the table is kind of green", "kind", ()),
        ("how kind you are", "kind", POSITIVE),
        ("the table is green", "green", ()),
    ],
)
def test_vader_reads_words_where_they_are_said(vader, text, word, expected):
    assert emotions(text, vader)[word] == expected


def test_vader_has_valences_that_grow_with_words_such_as_very(vader):
    (_, plain) = vader.read(["is", "good"])
    (_, strong) = vader.read(["very", "good"])
    assert 0 < plain.valence < strong.valence <= 1
    assert vader.read(["table"]) == [NOTHING] and vader.read([]) == []


def write(tmp_path, text):
    path = tmp_path / "mine.csv"
    path.write_text(text, encoding="utf-8")
    return load_lexicon(path)


@pytest.mark.parametrize("separator", [",", "\t"])
@pytest.mark.parametrize("head", ["", "word{0}emotion{0}weight\n"])
def test_users_lexicon_in_nrc_form(tmp_path, separator, head):
    rows = "loss,anger,0\nloss,sadness,1\nloss,negative,1\nfriend,joy,1\nfriend,trust,1\n"
    rows += "bad,negative,1\nwow,surprise,1\ntax,trust,1\n"
    table = write(tmp_path, head.format(separator) + rows.replace(",", separator))
    found = emotions("Loss! and bad tax, friend wow", table)
    assert found["Loss!"] == ("sad",)  # names say more than groups
    assert found["bad"] == NEGATIVE
    assert (found["friend"], found["wow"]) == (("happy",), ("surprise",))
    assert found["tax,"] == found["and"] == ()
    assert table.name == "mine.csv"


def test_words_after_a_negation_are_left_out(tmp_path):
    table = write(tmp_path, "happy,happy\n")
    assert emotions("I am happy", table)["happy"] == ("happy",)
    assert emotions("I don\N{RIGHT SINGLE QUOTATION MARK}t feel happy", table)["happy"] == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("happy,happi\n", r"mine\.csv:1: expected an emotion such as fear.*found 'happi'"),
        ("a,sad\nhappy\n", r"mine\.csv:2: expected word,emotion or .*found 'happy'"),
        ("a,sad,much\n", r"mine\.csv:1: expected word,emotion"),
        ("", r"has no word with an emotion"),
        ("a,trust\n", r"has no word with an emotion"),
    ],
)
def test_wrong_lexicon_is_one_line(tmp_path, text, reason):
    with pytest.raises(InputError, match=reason) as caught:
        write(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_missing_and_binary_lexicons_are_refused(tmp_path):
    with pytest.raises(InputError, match="--lexicon must be a csv in UTF-8"):
        load_lexicon(tmp_path / "none.csv")
    (tmp_path / "b.csv").write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match="--lexicon must be a csv in UTF-8"):
        load_lexicon(tmp_path / "b.csv")
