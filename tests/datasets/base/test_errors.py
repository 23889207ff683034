"""Errors of other people's code in whole sentences."""

import pytest
from pydantic import BaseModel, Field, ValidationError, field_validator

from datasets.base.errors import MOST_QUOTED, first_fault, words_of


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
            RuntimeError(
                "The following operation failed in the TorchScript interpreter.\nTraceback of "
                "TorchScript (most recent call last):\n  File code\n\nRuntimeError: too few\n"
            ),
            "RuntimeError: too few",
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


class Size(BaseModel, extra="forbid"):
    """A model with a rule of pydantic and one of ours."""

    height: int = Field(le=1024)
    name: str = "a"

    @field_validator("name")
    @classmethod
    def _is_short(cls, name: str) -> str:
        if len(name) > 9:
            raise ValueError(f"`name` must be short; got {name[:9]}.")
        return name


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "height: missing"),
        ({"height": 1, "hieght": 2}, "hieght: no such field"),
        ({"height": 2000}, "height: Input should be less than or equal to 1024; got 2000"),
        (
            {"height": "x" * 100},
            "height: Input should be a valid integer, unable to parse string as an integer; got '"
            + "x" * 79
            + "...",
        ),
        ({"height": 1, "name": "y" * 10}, "name: `name` must be short; got yyyyyyyyy"),
        ([1], "it must hold fields with their values; got list"),
    ],
)
def test_a_fault_names_field_rule_and_value(fields: object, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Size.model_validate(fields)
    assert first_fault(caught.value) == words
