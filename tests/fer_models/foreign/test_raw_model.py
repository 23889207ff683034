"""Calling foreign models: what they must return."""

from dataclasses import replace

import numpy as np
import pytest

from datasets.base.errors import InputError
from fer_models.foreign.classifier import load_foreign
from fer_models.foreign.formats import open_model
from fer_models.foreign.raw_model import are_some_probabilities
from fer_models.foreign.size_and_classes import scheme_of
from tests.fer_models.foreign.small_nets import CONTRACT, outside


def broken(images: np.ndarray) -> np.ndarray:
    raise RuntimeError("no luck")


def words(images: np.ndarray) -> np.ndarray:
    return np.full((len(images), 7), "happy")


def by_name(images: np.ndarray) -> list[dict[str, float]]:
    return [{"happy": 0.9, "sad": 0.1} for _ in images]


def unknown(images: np.ndarray) -> np.ndarray:
    return np.full((len(images), 7), np.nan)


def first_only(images: np.ndarray) -> np.ndarray:
    return outside(images)[:1]


def one_only(images: np.ndarray) -> np.ndarray:
    if len(images) > 1:
        raise ValueError("one image")
    return outside(images)


def two_answers(images: np.ndarray) -> list[np.ndarray]:
    return [outside(images), outside(images)]


def complex_numbers(images: np.ndarray) -> np.ndarray:
    return outside(images) * 1j


def leaving(images: np.ndarray) -> np.ndarray:
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("complex_numbers", "it fails: TypeError: it returns complex.*, not real numbers"),
        ("leaving", "it fails: SystemExit: 3"),
        ("broken", r"given \(1, 8, 8, 1\) it fails: RuntimeError: no luck\. Correct"),
        (
            "words",
            r"must return \(N, K\) numbers for N images; .* fails: could not convert .* Return one",
        ),
        (
            "by_name",
            r"must return \(N, K\) numbers for N images; .* fails: TypeError: .* not 'dict'\. Ret",
        ),
        ("unknown", "answered NaN or infinity for 1 of 1 images, first in row 0"),
        ("first_only", r"\(N, K\) for N images; it returned \(1, 7\) for 2\. Export it with"),
        ("one_only", r"given \(2, 8, 8, 1\) it fails: one image\. Correct"),
        (
            "two_answers",
            r"it has 2 outputs, output_0, output_1; its contract must name the emotions",
        ),
    ],
)
def test_a_model_that_cannot_be_called_is_refused(function: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_foreign(f"{__name__}:{function}", CONTRACT)
    raw = replace(open_model(f"{__name__}:{function}"), shape=(8, 8, 1))
    with pytest.raises(InputError, match=message):
        scheme_of(raw)


@pytest.mark.parametrize(
    ("scale", "least", "some"),
    [(1, 0, True), (100, 0, True), (30, 0, False), (200, 0, False), (100, -1, False)],
)
def test_some_columns_of_probabilities_or_percentages_are_told_from_logits(
    scale: float, least: float, some: bool
) -> None:
    """One face in which the columns hold all, and one in which they hold half."""
    answers = scale * np.array([[0.9, 0.1], [0.2, 0.3]])
    answers[1, 0] += least * scale
    assert are_some_probabilities(answers) == some
