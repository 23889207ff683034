"""The probe on models whose scaling and class order are known."""

import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.faceset import FaceSet, Split
from datasets.labels import FER7, FERPLUS8, Labels
from fer_models.classifier import ModelError
from fer_models.contract import PixelStep
from fer_models.foreign.contract_file import PartialContract
from fer_models.foreign.contract_probe import UnsureError, probe
from fer_models.foreign.probe_faces import probe_on
from fer_models.foreign.raw_model import RawModel
from fer_models.foreign.size_and_classes import scheme_of
from tests.fer_models.foreign.oracle import (
    CLASSES_OF_ORDER,
    ORDER,
    Oracle,
    asked,
    best_under,
    faces,
)


def test_it_finds_scaling_order_and_kind() -> None:
    found = asked(best_under(-1, 1, others_miss=20))
    assert found.scaling == "-1 to 1"
    assert (found.file.low, found.file.high, found.file.steps) == (-1, 1, ())
    assert found.file.classes == CLASSES_OF_ORDER
    assert (found.file.height, found.file.width, found.file.channels) == (8, 8, 1)
    assert found.file.output == "logits"
    assert found.accuracy == pytest.approx(110 / 140)
    assert (found.sureness == 1).all()
    assert found.faces == 140
    assert [rival.words for rival in found.rivals if not rival.rare] == [
        "0 to 1",
        "0 to 255",
        "each image standardised",
    ]
    assert found.rivals[0].accuracy == pytest.approx(90 / 140)


def test_eight_outputs_are_those_of_ferplus() -> None:
    found = asked(best_under(0, 255, others_miss=20), scheme=FERPLUS8)
    assert (found.file.high, found.file.classes) == (255, FERPLUS8.classes)
    nine = RawModel("nine", lambda x: np.zeros((len(x), 9)), (8, 8, 1), None, "0")
    with pytest.raises(InputError, match=r"7 or 8 classes; got 9 outputs"):
        scheme_of(nine)


@pytest.mark.parametrize(("more", "told"), [(3, False), (8, True)])
def test_two_standard_errors_are_needed(more: int, told: bool) -> None:
    """With n faces that one scaling alone gets right, it is sqrt(n) standard errors better."""
    right = best_under(0, 1, others_miss=more)
    if told:
        assert asked(right).scaling == "0 to 1"
        with pytest.raises(UnsureError, match="cannot tell the scaling 0 to 1"):
            asked(right, errors=3)
    else:
        with pytest.raises(UnsureError, match=r"from -1 to 1 \(76.4 %\), .* on 140 faces\. Tried"):
            asked(right)


def test_mirrored_faces_decide_what_is_close() -> None:
    """Three faces as they are, twelve when they are mirrored."""

    def right(low: float, high: float, rows: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
        fits = np.allclose((low, high), (0, 255))
        return np.asarray(rows >= 30 + (0 if fits else np.where(mirrored, 12, 3)))

    lines: list[str] = []
    found = asked(right, lines=lines)
    assert found.scaling == "0 to 255"
    assert found.accuracy == pytest.approx(110 / 140), "of the faces as they are"
    assert "oracle: the probe asks about the mirrored faces too" in lines[1]


def test_mirrored_faces_do_not_count_where_the_model_is_worse_at_them() -> None:
    def right(low: float, high: float, rows: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
        fits = np.allclose((low, high), (0, 255))
        return np.where(mirrored, (rows >= 60) & fits, rows >= 30 + (0 if fits else 3))

    with pytest.raises(UnsureError, match="cannot tell the scaling 0 to 255"):
        asked(right)


def test_a_class_that_is_confused_is_not_guessed() -> None:
    """Sad and surprise get either output by turns, so that resamples of the faces disagree."""
    images, labels = faces()
    turn = np.where(np.arange(140) // 7 % 2 == 1, 1, 0)
    mixed = np.where(labels == 4, 4 + turn, np.where(labels == 5, 4 + turn, labels))
    raw = Oracle(images, mixed, best_under(0, 1, others_miss=40)).raw
    with pytest.raises(UnsureError, match=r"cannot tell which output is (sad|surprise) \(sure in"):
        probe(raw, images.astype(np.float32) / np.float32(255), labels, FER7)


def never_answers(classes: set[int]) -> RawModel:
    """A model whose outputs for these classes are never the largest."""
    images, labels = faces()
    others = np.arange(len(labels)) // 7 % 5
    merged = np.where(np.isin(labels, list(classes)), others, labels)
    return Oracle(images, merged, best_under(0, 1, others_miss=60, miss=0), ORDER).raw


def test_classes_that_a_model_never_answers_are_not_guessed() -> None:
    images, labels = faces()
    pixels = images.astype(np.float32) / np.float32(255)
    with pytest.raises(UnsureError, match=r"which output is surprise \(sure in 0 % of resamples"):
        probe(never_answers({5, 6}), pixels, labels, FER7)


def test_a_single_class_that_a_model_never_answers_has_the_output_that_is_left() -> None:
    images, labels = faces()
    pixels, raw = images.astype(np.float32) / np.float32(255), never_answers({6})
    found = probe(raw, pixels, labels, FER7)
    assert (found.left_over, found.file.classes) == ("neutral", CLASSES_OF_ORDER)
    assert "  left over neutral: none of its faces " in "\n".join(found.lines(raw, FER7))
    named = probe(raw, pixels, labels, FER7, PartialContract(classes=CLASSES_OF_ORDER))
    assert not named.left_over


@pytest.mark.parametrize(("misses", "told"), [(91, True), (92, False)])
def test_at_least_35_percent_are_needed(misses: int, told: bool) -> None:
    right = best_under(0, 1, others_miss=140, miss=misses)
    if told:
        assert asked(right).accuracy == pytest.approx(0.35)
    else:
        with pytest.raises(InputError, match=r"more than 34 % of the faces, .* at least 35 % are"):
            asked(right, PartialContract(classes=CLASSES_OF_ORDER))


@pytest.mark.parametrize(("more", "scaling"), [(3, "0 to 1"), (30, "-0.5 to 0.5")])
def test_a_rare_scaling_must_be_clearly_better(more: int, scaling: str) -> None:
    def right(low: float, high: float, rows: np.ndarray, _: np.ndarray) -> np.ndarray:
        extra = 0 if np.isclose(low, -0.5) else more if np.allclose((low, high), (0, 1)) else 60
        return np.asarray(rows >= 30 + extra)

    found = asked(right)
    assert found.scaling == scaling
    rare = [line for line in found.lines(raw(), FER7) if "not excluded, though seldom used" in line]
    assert len(rare) == (more == 3)
    if rare:
        assert "-0.5 to 0.5 (78.6 %)" in rare[0]


def raw() -> RawModel:
    """A model for what needs only its name."""
    return RawModel("net", lambda x: x, (8, 8, 1), None, "0")


def test_scalings_of_equal_outputs_are_a_tie() -> None:
    """All that a net does with its inputs is to order them: no scaling is better."""
    found = asked(lambda low, high, rows, _: np.asarray(rows >= 30))
    assert found.scaling == "0 to 1"
    assert found.ties[:3] == ("-1 to 1", "0 to 255", "-0.5 to 0.5")
    assert found.rivals == ()
    assert found.fitted is None
    assert "either will do: -1 to 1, 0 to 255" in "\n".join(found.lines(raw(), FER7))


def test_pixels_that_a_model_refuses_are_not_its_own() -> None:
    def right(low: float, high: float, rows: np.ndarray, _: np.ndarray) -> np.ndarray:
        if low < 0 or high > 1:
            raise ValueError("images must be in [0, 1]")
        return np.asarray(rows >= 30)

    assert asked(right).scaling == "0 to 1"

    def never(low: float, high: float, rows: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
        raise ValueError("out of order")

    with pytest.raises(ModelError, match="out of order"):
        asked(never)


def test_known_classes_are_believed() -> None:
    found = asked(best_under(-1, 1, others_miss=20), PartialContract(classes=CLASSES_OF_ORDER))
    assert (found.file.classes, found.file.low) == (CLASSES_OF_ORDER, -1)
    assert (found.sureness == 1).all()
    wrong = PartialContract(classes=FER7.classes[4:] + FER7.classes[:4])
    with pytest.raises(InputError, match=r"its contract 14 % .* 79 % in the order fear, disg"):
        asked(best_under(-1, 1, others_miss=20), wrong)


def test_a_known_scaling_is_believed() -> None:
    known = PartialContract(steps=(PixelStep.EQUALISE,), high=255)
    found = asked(best_under(0, 1, others_miss=20), known)
    assert (found.file.steps, found.file.high) == ((PixelStep.EQUALISE,), 255)
    assert found.scaling == "of its contract"
    assert found.rivals == ()


def test_the_faces_are_balanced_over_classes() -> None:
    """Of 140 faces, 98 are happy; 35 are asked for, and so five of each class are taken."""
    images, labels = faces()
    labels = np.where(np.arange(140) < 98, 3, labels)
    model = Oracle(images, labels, best_under(0, 1, others_miss=140, miss=0))
    found, lines = probe_on(
        model.raw, FaceSet("all", Split.PUBLIC_TEST, images, np.arange(140), fer=labels), 35
    )
    asked_about = np.unique([row for row in model.seen])
    assert np.bincount(labels[asked_about]).tolist() == [5] * 7
    assert (found.faces, found.scaling) == (35, "0 to 1")
    assert "100.0 % of 35 faces, balanced over classes" in lines[0]


def test_a_contract_may_name_a_class_that_the_labels_lack() -> None:
    """A net that knows contempt, and faces without FER+ votes: only its order needs votes."""
    images, labels = faces()
    theirs = Labels(FER7, labels).to(FERPLUS8).values
    model = Oracle(images, theirs, best_under(-1, 1, others_miss=20), np.arange(8))
    given = FaceSet("all", Split.PUBLIC_TEST, images, np.arange(140), fer=labels)
    with pytest.raises(
        InputError, match=r"its 8 outputs .*\(neutral, happ.* Write a contract that"
    ):
        probe_on(model.raw, given, 140)
    found, _ = probe_on(model.raw, given, 140, PartialContract(classes=FERPLUS8.classes))
    assert (found.file.low, found.file.classes) == (-1, FERPLUS8.classes)


def test_of_equal_faces_one_is_asked_about() -> None:
    images, labels = faces(35)
    model = Oracle(images, labels, best_under(0, 1, others_miss=140, miss=0))
    twice = FaceSet(
        "twice", Split.PUBLIC_TEST, images.repeat(2, axis=0), np.arange(70), fer=labels.repeat(2)
    )
    assert probe_on(model.raw, twice, 70)[0].faces == 35


def test_every_part_is_told_with_its_number_of_images() -> None:
    lines: list[str] = []
    found = asked(best_under(-1, 1, others_miss=20), lines=lines)
    assert [line.partition(": ")[2].partition(", about")[0] for line in lines] == [
        "the probe tries 8 scalings: 1120 images",
        "the probe tries 3 other preparations: 420 images",
    ]
    assert found.fitted is None, "equalised faces are the same faces here: a tie"
    lines.clear()
    with pytest.raises(UnsureError):
        asked(best_under(-1, 1, others_miss=3), lines=lines)
    assert "asks about the mirrored faces too, in 8 scalings: 1120 images" in lines[1]


def test_nothing_is_fitted_where_it_can_change_nothing() -> None:
    lines: list[str] = []
    given = asked(best_under(0, 1, others_miss=20), PartialContract(high=1.0), lines=lines)
    assert (given.fitted, len(lines)) == (None, 1)

    def tied(low: float, high: float, rows: np.ndarray, _: np.ndarray) -> np.ndarray:
        return np.asarray(rows >= 30 + 20 * (not np.allclose((low, high), (-1, 1), atol=0.6)))

    lines.clear()
    found = asked(tied, lines=lines)  # equal from -1 to 1 and from -0.5 to 0.5
    assert found.ties and found.fitted is None
    assert "other preparations" in lines[-1]


@pytest.mark.parametrize("whole", [1, 100])
def test_probabilities_and_percentages_are_told_from_logits(whole: int) -> None:
    images, labels = faces()
    oracle = Oracle(images, labels, best_under(0, 1, others_miss=20)).raw

    def shares(inputs: np.ndarray) -> np.ndarray:
        powers = np.exp(oracle.call(inputs))
        return np.asarray(whole * powers / powers.sum(axis=1, keepdims=True))

    pixels = images.astype(np.float32) / np.float32(255)
    raw = RawModel("shares", shares, (8, 8, 1), None, "0")
    found = probe(raw, pixels, labels, FER7)
    assert (found.file.output, found.scaling) == ("probabilities", "0 to 1")
    logits = probe(oracle, pixels, labels, FER7)
    assert logits.file.output == "logits"
    assert [rival.errors for rival in found.rivals] == pytest.approx(
        [rival.errors for rival in logits.rivals], abs=1e-3
    )
