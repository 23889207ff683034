"""What the probe does exactly at its limits, and how much it asks of a model."""

import contextlib
from dataclasses import replace

import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.labels import FER7
from fer_models.foreign import contract_probe
from fer_models.foreign.contract_file import PartialContract
from fer_models.foreign.contract_probe import UnsureError, probe
from fer_models.foreign.raw_model import RawModel
from fer_models.foreign.scaling_fit import MOST_CALLS
from fer_models.foreign.scalings import known_scalings
from tests.fer_models.foreign.oracle import (
    CLASSES_OF_ORDER,
    ORDER,
    Oracle,
    asked,
    best_under,
    faces,
)

IMAGES, LABELS = faces()
PIXELS = IMAGES.astype(np.float32) / np.float32(255)
PARTS = np.array([0.4, 0.1, 0.9, 0.2, 0.7, 0.3, 0.5])


def uneven(inputs: np.ndarray) -> np.ndarray:
    """The oracle's answers; the outputs it does not name differ, and most are negative."""
    oracle = Oracle(IMAGES, LABELS, best_under(0, 1, others_miss=20)).raw
    return np.asarray(oracle.call(inputs) - 2 * PARTS)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def test_logits_are_the_same_however_the_model_gives_them() -> None:
    models = (
        RawModel("logits", uneven, (8, 8, 1), None, "0"),
        RawModel("shares", lambda x: softmax(uneven(x)), (8, 8, 1), None, "0"),
        RawModel("removed", uneven, (8, 8, 1), None, "0", softmax_removed=True),
    )
    found = [probe(raw, PIXELS, LABELS, FER7) for raw in models]
    assert [each.file.output for each in found] == ["logits", "probabilities", "probabilities"]
    errors = [[rival.errors for rival in each.rivals] for each in found]
    assert errors[1] == pytest.approx(errors[0], abs=1e-3)
    assert errors[2] == pytest.approx(errors[0])


def test_some_columns_of_probabilities_sum_to_less_than_1() -> None:
    raw = RawModel("part", lambda x: 0.8 * softmax(uneven(x)), (8, 8, 1), None, "0")
    for columns, output in ((None, "logits"), (tuple(range(7)), "probabilities")):
        known = PartialContract(columns=columns, high=1.0)
        assert probe(raw, PIXELS, LABELS, FER7, known).file.output == output


def test_a_net_for_colours_has_three_channels() -> None:
    oracle = Oracle(IMAGES, LABELS, best_under(-1, 1, others_miss=20)).raw
    raw = RawModel("colours", lambda x: oracle.call(x[..., :1]), (8, 8, 3), None, "0")
    found = probe(raw, PIXELS, LABELS, FER7)
    assert (found.file.channels, found.scaling) == (3, "-1 to 1")


def test_an_input_of_signed_8_bits() -> None:
    """Pixels from 0 to 255 would be cut off at 127, and are not even tried."""
    oracle = Oracle(IMAGES, LABELS, best_under(-128, 127, others_miss=20)).raw
    signed = replace(oracle, limits=(-128.0, 127.0))
    found = probe(signed, PIXELS, LABELS, FER7)
    assert (found.scaling, found.file.low, found.file.high) == ("-128 to 127", -128, 127)
    tried = {each.words for each in found.rivals}
    assert "-1 to 1" in tried and "0 to 255" not in tried
    assert all(each.words != "-128 to 127" for each in known_scalings(1))
    assert known_scalings(1, (7.0, 8.0)) == known_scalings(1), "all lie beyond"


def test_an_input_of_whole_numbers() -> None:
    """Pixels from 0 to 1 would be rounded to black and white, and are not even tried."""
    oracle = Oracle(IMAGES, LABELS, best_under(0, 255, others_miss=20)).raw
    found = probe(replace(oracle, limits=(0.0, 255.0), step=1.0), PIXELS, LABELS, FER7)
    tried = {found.scaling, *(each.words for each in found.rivals)}
    assert found.scaling == "0 to 255"
    assert tried.isdisjoint({"0 to 1", "-1 to 1", "each image standardised"})


def test_35_percent_in_another_order_blame_the_order() -> None:
    right = best_under(0, 1, others_miss=140, miss=91)
    classes = CLASSES_OF_ORDER[3:] + CLASSES_OF_ORDER[:3]
    with pytest.raises(InputError, match=r"35 % in the order fear, disgust, happy"):
        asked(right, PartialContract(classes=classes, high=1.0))


@pytest.mark.parametrize(("swapped", "told"), [(22, True), (20, False)])
def test_a_wrong_order_is_not_blamed_on_the_scaling(swapped: int, told: bool) -> None:
    """The contract swaps two classes; of these 22 or 20 faces are right, and of all over 70 %.

    The right order is better by 3.5 or 3.27 standard errors; scalings differ by three faces.
    """
    wrong = np.isin(LABELS, (4, 5)) & (np.arange(140) >= 7 * swapped // 2)

    def right(black: float, white: float, rows: np.ndarray, _: np.ndarray) -> np.ndarray:
        return ~wrong[rows] & (rows >= (0 if white > 1 else 3))

    four, five = CLASSES_OF_ORDER.index(FER7.classes[4]), CLASSES_OF_ORDER.index(FER7.classes[5])
    classes = list(CLASSES_OF_ORDER)
    classes[four], classes[five] = classes[five], classes[four]
    order = "Correct its contract" if told else "cannot tell the scaling"
    with pytest.raises(InputError, match=order):
        asked(right, PartialContract(classes=tuple(classes)))


def test_a_class_is_sure_from_the_limit_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """One face of each class: where a resample lacks two of them, their outputs are guessed."""
    images, labels = faces(7)
    raw = Oracle(images, labels, best_under(0, 1, others_miss=0, miss=0), ORDER).raw
    pixels, known = images.astype(np.float32) / np.float32(255), PartialContract(high=1.0)
    monkeypatch.setattr(contract_probe, "_SURE", 0)
    sureness = probe(raw, pixels, labels, FER7, known).sureness
    assert (sureness > 0.6).all(), "1 - (6/7)^7 of resamples have the face of a class"
    assert sureness.min() < 0.9
    np.testing.assert_allclose(sureness * 200, np.round(sureness * 200), atol=1e-9)
    monkeypatch.setattr(contract_probe, "_SURE", sureness.min())
    assert probe(raw, pixels, labels, FER7, known).scaling == "of its contract"
    monkeypatch.setattr(contract_probe, "_SURE", sureness.min() + 1e-6)
    with pytest.raises(UnsureError, match="cannot tell which output is"):
        probe(raw, pixels, labels, FER7, known)


def test_a_rival_at_the_limit_is_close() -> None:
    right = best_under(0, 1, others_miss=20)
    closest = min(rival.errors for rival in asked(right).rivals if not rival.rare)
    for errors, mirrored in ((closest, True), (closest - 1e-6, False)):
        lines: list[str] = []
        with contextlib.suppress(UnsureError):
            asked(right, errors=errors, lines=lines)
        assert ("mirrored faces" in lines[1]) == mirrored


def test_a_rare_scaling_at_the_limit_is_not_clearly_better(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def right(low: float, high: float, rows: np.ndarray, _: np.ndarray) -> np.ndarray:
        extra = 0 if np.isclose(low, -0.5) else 30 if np.allclose((low, high), (0, 1)) else 60
        return np.asarray(rows >= 30 + extra)

    found = asked(right)
    usual = next(rival.errors for rival in found.rivals if rival.words == "0 to 1")
    for limit, scaling in ((usual, "0 to 1"), (usual - 1e-6, "-0.5 to 0.5")):
        monkeypatch.setattr(contract_probe, "CLEARLY", limit)
        assert asked(right).scaling == scaling


def test_where_mirrored_faces_mislead_the_best_scaling_alone_is_asked_about_them() -> None:
    about_mirrored = set()

    def right(low: float, high: float, rows: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
        fits = np.allclose((low, high), (0, 255))
        if mirrored.any():
            about_mirrored.add((round(low), round(high)))
        return np.where(mirrored, (rows >= 60) & fits, rows >= 30 + (0 if fits else 3))

    with pytest.raises(UnsureError):
        asked(right)
    assert about_mirrored == {(0, 255)}


@pytest.mark.parametrize("all_tie", [True, False])
def test_other_preparations_are_tried_unless_all_scalings_tie(all_tie: bool) -> None:
    def right(low: float, high: float, rows: np.ndarray, _: np.ndarray) -> np.ndarray:
        standardised = 1.2 < high < 3
        return np.asarray(rows >= 30 + 20 * (standardised and not all_tie))

    lines: list[str] = []
    found = asked(right, lines=lines)
    assert len(found.ties) == 7 - (not all_tie)
    assert ["other preparations" in line for line in lines[1:]] == [True] * (not all_tie)


def test_a_fit_asks_no_more_than_it_says() -> None:
    """Faces darker than their equalised ones, so that no two scalings tie."""
    levels = np.append(np.arange(0, 126, 2), 255).astype(np.uint8)
    rng = np.random.default_rng(0)
    images = np.stack([rng.permutation(levels) for _ in range(140)]).reshape(140, 8, 8, 1)
    oracle = Oracle(images, LABELS, best_under(0, 1, others_miss=20))

    def call(inputs: np.ndarray) -> np.ndarray:
        answers = oracle.raw.call(inputs)
        dark = (inputs.mean() - inputs.min()) / np.ptp(inputs) < 0.4
        return answers if dark else np.roll(answers, 1, axis=1) / 2

    lines: list[str] = []
    before_fit = []

    def tell(line: str) -> None:
        lines.append(line)
        before_fit.append(len(oracle.seen))

    raw = RawModel("dark", call, (8, 8, 1), None, "0")
    found = probe(raw, images.astype(np.float32) / np.float32(255), LABELS, FER7, tell=tell)
    assert (found.scaling, found.ties) == ("0 to 1", ())
    assert found.fitted is not None
    said = 140 * (MOST_CALLS + 1)
    assert f"fits black and white: {said} images" in lines[-1]
    assert said / 2 < len(oracle.seen) - before_fit[-1] <= said
