"""Errors of other people's code in whole sentences."""

import pytest

from datasets.base.errors import MOST_QUOTED, words_of


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("too small. Make it larger."), "too small. Make it larger"),
        (RuntimeError("no luck"), "RuntimeError: no luck"),
        (KeyError("x"), "KeyError: 'x'"),
        (TypeError(), "TypeError"),
        (ValueError("first line\ngoes on\n\nanother paragraph"), "first line goes on"),
        (
            TypeError("Exception encountered when calling A.call().\n\n\x1b[1mno\x1b[0m\n\nAt"),
            "TypeError: no",
        ),
        (
            TypeError("Exception encountered when calling A"),
            "TypeError: Exception encountered when calling A",
        ),
    ],
)
def test_the_reason_is_quoted(error: Exception, words: str) -> None:
    assert words_of(error) == words


def test_no_sentence_is_cut() -> None:
    sentence = "word " * 20 + "end."  # 104 characters
    assert words_of(ValueError(" ".join([sentence] * 5))) == " ".join([sentence] * 2)[:-1]
    long = "word " * MOST_QUOTED + "end"
    assert words_of(ValueError(f"{long}. More.")) == long
