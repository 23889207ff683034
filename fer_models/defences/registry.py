"""The table of defences, and how they are read from a model id such as `simple_cnn.fer+jpeg75`."""

import re
from typing import NamedTuple

from datasets.base.errors import InputError
from fer_models.classifier import Classifier
from fer_models.defences.base import Defence, defend
from fer_models.defences.bit_depth import BitDepth
from fer_models.defences.gaussian_blur import GaussianBlur
from fer_models.defences.jpeg import Jpeg
from fer_models.defences.randomised_smoothing import RandomisedSmoothing
from fer_models.defences.resize_pad import ResizePad
from fer_models.defences.shifted_views import ShiftedViews
from fer_models.defences.total_variation import TotalVariation


class Entry(NamedTuple):
    """A defence, its smallest and largest strength, and the unit in words."""

    kind: type[Defence]
    low: float
    high: float
    unit: str


DEFENCES: dict[str, Entry] = {
    entry.kind.name: entry
    for entry in (
        Entry(Jpeg, 1, 100, "quality, a whole number"),
        Entry(BitDepth, 1, 8, "bits, a whole number"),
        Entry(GaussianBlur, 0.1, 10, "sigma in pixels"),
        Entry(TotalVariation, 0.001, 1, "weight"),
        Entry(ResizePad, 1, 24, "pixels of 48, a whole number"),
        Entry(ShiftedViews, 2, 10, "2 or 10 views, a whole number"),
        Entry(RandomisedSmoothing, 0.001, 1, "sigma of the noise, pixels in [0, 1]"),
    )
}
"""Defences by name: a new one is a file and an entry here."""


def parse_defence(text: str) -> Defence:
    """Read one defence, such as `jpeg75`.

    Raises:
        InputError: unknown name, or a strength that is missing or out of range.
    """
    match = re.fullmatch(r"([a-z_]+)(\d+(?:\.\d+)?)?", text)
    if match is None or match[1] not in DEFENCES:
        names = ", ".join(DEFENCES)
        raise InputError(
            f"a defence must be one of {names} followed by its strength, such as jpeg75; "
            f"got {text!r}."
        )
    entry = DEFENCES[match[1]]
    whole = "whole" in entry.unit
    value = float(match[2] or "nan")
    if not entry.low <= value <= entry.high or (whole and value != int(value)):
        raise InputError(
            f"{match[1]} takes a strength of {entry.low:g} to {entry.high:g} ({entry.unit}); "
            f"got {text!r}."
        )
    return entry.kind(int(value) if whole else value)  # type: ignore[call-arg]


def parse_defences(names: list[str]) -> list[tuple[str, Defence]]:
    """Read defences; raises as `parse_defence`. Each stands beside its name."""
    return [(name, parse_defence(name)) for name in names]


def defended(classifier: Classifier, defences: list[tuple[str, Defence]]) -> Classifier:
    """Put defences before a classifier; the first one sees the image first.

    Args:
        classifier: any.
        defences: see `parse_defences`.

    Raises:
        InputError: see `defend`.
    """
    original = classifier.id
    for name, defence in reversed(defences):
        classifier = defend(classifier, defence, name)
    classifier.id = "+".join([original, *(name for name, _ in defences)])
    return classifier
