"""R25 on nets whose class order and scaling are known."""

from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from datasets.faceset import FaceSet, Split
from datasets.labels import FER7, FERPLUS8, LabelScheme
from evaluation.checks import contract
from evaluation.checks.contract import contract_checks, labels_in, order_check
from evaluation.checks.rules import Check
from fer_models.classifier import BATCH_SIZE, Classifier
from fer_models.contract import Contract
from fer_models.foreign.classifier import classify_with
from fer_models.foreign.contract_file import ContractFile
from fer_models.foreign.raw_model import RawModel
from fer_models.foreign.scalings import Scaling
from fer_models.keras_classifier import KerasClassifier, wrap


def classifier(order: list[int], **scaling: float) -> KerasClassifier:
    """Reads the class off the brightest of seven pixels in [0, 1], with outputs in an order."""
    image = keras.Input((8, 8, 1))
    pixels = keras.ops.take(image[:, 0, :7, 0], order, axis=1)
    net = keras.Model(image, -9 * keras.ops.abs(pixels - 1))
    return wrap(net, replace(Contract(8, 8, 1, FER7), **scaling), model_id="net")  # type: ignore[arg-type]


def faces(count: int = 70) -> tuple[np.ndarray, np.ndarray]:
    """float32 (N, 8, 8, 1) in [0, 1], the pixel of the class white; int64 (N,)."""
    labels = np.arange(count) % 7
    images = np.random.default_rng(0).random((count, 8, 8, 1), np.float32) * np.float32(0.9)
    images[np.arange(count), 0, labels, 0] = 1
    return images, labels


def checked(model: Classifier, count: int = 70, times: int = 1) -> list[Check]:
    """Checks on N different faces, each seen several times."""
    images, labels = (np.repeat(part, times, axis=0) for part in faces(count))
    groups = np.arange(count).repeat(times)
    return contract_checks(model, images, model.logits(images), labels, groups)


def found(model: Classifier, count: int = 70, times: int = 1) -> dict[str, tuple[str, str]]:
    """Status and words of each check."""
    checks = checked(model, count, times)
    return {check["check"]: (check["status"], check["message"]) for check in checks}


def test_a_right_contract_passes() -> None:
    checks = checked(classifier(list(range(7))))
    keys = ("rule", "status", "threshold")
    assert [tuple(check[key] for key in keys) for check in checks] == [("R25", "ok", 0.001)] * 2
    assert checks[0]["value"] == 0


def scaled_otherwise(
    monkeypatch: pytest.MonkeyPatch,
    labels: np.ndarray,
    usual: np.ndarray,
    other: np.ndarray,
    times: int = 1,
) -> list[Check]:
    """Checks of code with a contract of 0 to 1; the only other scaling is 0 to 255.

    Args:
        monkeypatch: of the test.
        labels: of N faces, (N,).
        usual: class that it answers to each face under its contract, (N,).
        other: the same under the other scaling.
        times: how often each face is seen.
    """
    monkeypatch.setattr(contract, "known_scalings", lambda _: [Scaling("0 to 255", {"high": 255})])
    numbers = np.arange(len(labels)).repeat(times)
    images = np.zeros((len(numbers), 8, 8, 1), np.float32)
    images[:, 0, 0, 0], images[:, 0, 1, 0] = numbers / 1000, 1

    def answer(images: np.ndarray) -> np.ndarray:
        scale = 255 if images.max() > 1 else 1
        face = np.rint(images[:, 0, 0, 0] / scale * 1000).astype(int)
        return np.eye(7)[(usual if scale == 1 else other)[face % len(labels)]] - 0.5

    file = ContractFile(classes=FER7.classes, height=8, width=8, channels=1)
    model = classify_with(RawModel("code", answer, (8, 8, 1), None, "0"), file)
    return contract_checks(model, images, model.logits(images), labels[numbers], numbers)


def gained(
    monkeypatch: pytest.MonkeyPatch, count: int, more: int, fewer: int, times: int = 1
) -> Check:
    """The check of a scaling under which some faces are gained, some lost and others right."""
    labels, face = np.arange(count) % 4, np.arange(count)
    wrong = (labels + 1) % 4
    usual = np.where(face < more, wrong, labels)
    other = np.where((face >= more) & (face < more + fewer), wrong, labels)
    *_, scaling = scaled_otherwise(monkeypatch, labels, usual, other, times)
    return scaling


@pytest.mark.parametrize(
    ("count", "more", "fewer", "status"),
    [(100, 31, 12, "ok"), (100, 33, 10, "flagged"), (300, 93, 37, "flagged")],
)
def test_the_gain_of_a_scaling_is_told_also_where_it_may_be_chance(
    count: int, more: int, fewer: int, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = gained(monkeypatch, count, more, fewer)
    assert found["status"] == status
    assert found["value"] == pytest.approx((more - fewer) / count)
    if status == "ok":
        assert "more of 100 faces correctly; a gain of 23.0 points would have" in found["message"]


@pytest.mark.parametrize(("more", "named"), [(10, "0 to 255"), (11, "-0.5 to 0.5")])
def test_a_rare_scaling_is_named_where_it_is_clearly_better_than_usual_ones(
    more: int, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By 10 faces it may be chance, p = .002."""
    labels, face = np.arange(100) % 4, np.arange(100)
    wrong = (labels + 1) % 4
    rare = Scaling("-0.5 to 0.5", {"low": -0.5, "high": 0.5}, rare=True)
    usual = Scaling("0 to 255", {"high": 255.0})
    monkeypatch.setattr(contract, "known_scalings", lambda _: [rare, usual])
    images = np.zeros((100, 8, 8, 1), np.float32)
    images[:, 0, 0, 0], images[:, 0, 1, 0] = face / 1000, 1

    def answer(images: np.ndarray) -> np.ndarray:
        low, high = images.min(), images.max()
        number = np.rint((images[:, 0, 0, 0] - low) / (high - low) * 1000).astype(int) % 100
        missed = 0 if low < 0 else more if high > 1 else 60
        return np.eye(7)[np.where(number < missed, wrong[number], labels[number])] - 0.5

    file = ContractFile(classes=FER7.classes, height=8, width=8, channels=1)
    model = classify_with(RawModel("code", answer, (8, 8, 1), None, "0"), file)
    *_, found = contract_checks(model, images, model.logits(images), labels, face)
    assert found["status"] == "flagged" and f"scaled {named} it" in found["message"]


def test_an_order_is_not_outweighed_by_a_gain_that_may_be_chance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another order gains 11 of 100 faces, p < .001; a scaling 31 and loses 12, p = .005."""
    sad, surprise = FER7.classes.index("sad"), FER7.classes.index("surprise")
    face = np.arange(100)
    labels = np.where(face < 89, face % 4, sad)
    wrong = (labels + 1) % 4
    usual = np.where(face < 20, wrong, np.where(face < 89, labels, surprise))
    other = np.where((face >= 20) & (face < 32), wrong, labels)
    order, scaling = scaled_otherwise(monkeypatch, labels, usual, other)
    assert (order["status"], scaling["status"]) == ("flagged", "ok")
    assert order["value"] == pytest.approx(0.11) and "with the better" not in order["message"]


def test_a_run_of_few_faces_says_that_it_notices_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for count, words in ((10, "no gain would have been noticed on so few"), (11, "100.0 points")):
        assert words in gained(monkeypatch, count, 0, 0, times=3)["message"]


@pytest.mark.parametrize(("moved", "status"), [(10, "ok"), (11, "flagged")])
def test_an_order_must_be_better_by_more_than_chance(moved: int, status: str) -> None:
    """Sad is called surprise on 10 or 11 faces: p is 2 / 2^10 = .002 or 2 / 2^11 = .00098."""
    sad, surprise = FER7.classes.index("sad"), FER7.classes.index("surprise")
    labels = np.concatenate([np.arange(70) % 4, np.full(moved, sad)])
    predicted = np.where(labels == sad, surprise, labels)
    model = SimpleNamespace(id="net", scheme=FER7)
    logits, groups = np.eye(7, dtype=np.float32)[predicted], np.arange(len(labels))
    check = order_check(model, logits, labels, groups)  # type: ignore[arg-type]
    assert (check["status"], check["rule"]) == (status, "R25")
    assert check["value"] == moved / len(labels)


@pytest.mark.parametrize(("count", "status"), [(5, "ok"), (35, "flagged")])
def test_equal_faces_count_once(count: int, status: str) -> None:
    """Every face three times: 5 different ones say no more than 5 do (p = 2 / 2^5)."""
    for name, model in (
        ("class order", classifier([1, 2, 3, 4, 5, 6, 0])),
        ("scaling", classifier(list(range(7)), high=255.0)),
    ):
        assert found(model, count, 3)[name][0] == status
    model = classifier([1, 2, 3, 4, 5, 6, 0], high=255.0)
    assert {each for each, _ in found(model, count, 3).values()} == {status}


def test_a_model_without_a_contract_of_pixels_has_its_order_checked_alone() -> None:
    images, labels = faces()
    model, logits = SimpleNamespace(id="net", scheme=FER7), np.eye(7, dtype=np.float32)[labels]
    (check,) = contract_checks(model, images, logits, labels, np.arange(70))  # type: ignore[arg-type]
    assert (check["check"], check["status"]) == ("class order", "ok")


def test_the_scaling_of_a_shipped_net_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract, "shipped_id", lambda sha256: "net.fer")
    (order,) = checked(classifier(list(range(7)), high=255.0))
    assert order["check"] == "class order"


def test_five_hundred_faces_decide_about_the_scaling() -> None:
    *_, scaling = checked(classifier(list(range(7)), high=255.0), 560)
    assert "100 % of 500 faces correctly" in scaling["message"]
    assert (scaling["rule"], scaling["status"]) == ("R25", "flagged")


def test_a_net_is_asked_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """All faces at once took 1.4 GB of a small net, and more of a larger one."""
    asked: list[int] = []
    outputs = KerasClassifier.outputs

    def seen(self: KerasClassifier, images: np.ndarray, given: Contract) -> np.ndarray:
        asked.append(len(images))
        return outputs(self, images, given)

    monkeypatch.setattr(KerasClassifier, "outputs", seen)
    checked(classifier(list(range(7))), 560)
    assert max(asked) <= BATCH_SIZE
    assert sum(asked) % 500 == 0


def test_another_order_of_the_classes_is_named() -> None:
    status, words = found(classifier([0, 1, 2, 3, 6, 4, 5]))["class order"]
    assert status == "flagged"
    assert "classifies 100 % of 70 faces correctly, the order in its contract 57 %" in words
    assert "what it calls sad is neutral, surprise is sad, neutral is surprise." in words


def test_another_scaling_is_named() -> None:
    status, words = found(classifier(list(range(7)), high=255.0))["scaling"]
    assert status == "flagged"
    assert "With pixels scaled 0 to 1 it classifies 100 % of 70 faces correctly" in words


def by_scaling(usual: list[int], to_255: list[int]) -> Classifier:
    """Code with a contract of 0 to 1 that answers each class with an output, by its scaling."""

    def answer(images: np.ndarray) -> np.ndarray:
        outputs = np.array(to_255 if images.max() > 100 else usual)
        return np.eye(7)[outputs[images[:, 0, :7, 0].argmax(axis=1)]] - 0.5

    file = ContractFile(classes=FER7.classes, height=8, width=8, channels=1)
    return classify_with(RawModel("code", answer, (8, 8, 1), None, "0"), file)


TURNED, SAME = [1, 2, 3, 4, 5, 6, 0], list(range(7))


@pytest.mark.parametrize(
    ("usual", "to_255", "order", "scaling"),
    [
        # 0 % as given, 100 % in another order, 57 % in another scaling, 43 % in both
        (TURNED, [0, 1, 2, 3, 5, 6, 0], "flagged", "ok"),
        # 0 % as given, 57 % in another order, 100 % in another scaling
        ([1, 2, 3, 0, 0, 0, 0], SAME, "ok", "flagged"),
        # 57 % in another order, 57 % in another scaling, 100 % in both
        ([1, 2, 3, 0, 0, 0, 0], [0, 1, 2, 3, 6, 4, 5], "flagged", "flagged"),
        # 14 % at most in either, 100 % in both
        ([0] * 7, TURNED, "flagged", "flagged"),
        # 43 % as given, 57 % in both, which is no more than chance may do (p = 2 / 2^10)
        ([0, 1, 2, 0, 0, 0, 0], [1, 2, 3, 0, 0, 0, 0], "ok", "ok"),
        # 29 % at most, whatever is changed: no reading is believed
        ([6] * 7, [1, 2, 2, 2, 2, 2, 2], "ok", "ok"),
    ],
)
def test_what_explains_more_is_named(
    usual: list[int], to_255: list[int], order: str, scaling: str
) -> None:
    checks = found(by_scaling(usual, to_255))
    assert {name: status for name, (status, _) in checks.items()} == {
        "class order": order,
        "scaling": scaling,
    }, checks


def test_equal_faces_count_once_where_both_are_tried() -> None:
    """43 % as given, 57 % in both: better by 5 different faces, each of them three times."""
    model = by_scaling([0, 1, 2, 0, 0, 0, 0], [1, 2, 3, 0, 0, 0, 0])
    assert {status for status, _ in found(model, 35, 3).values()} == {"ok"}


def test_two_faults_are_told_with_each_other_corrected() -> None:
    checks = found(classifier(TURNED, high=255.0))
    words = checks["class order"][1]
    assert "100 % of 70 faces correctly, the order in its contract 0 %, both with the bet" in words
    words = checks["scaling"][1]
    assert "100 % of 70 faces correctly, with the scaling of its contract 0 %, both in the" in words


def strict(images: np.ndarray) -> np.ndarray:
    """Code that takes pixels in [0, 1] alone."""
    if images.min() < 0 or images.max() > 1:
        raise ValueError("pixels must be in [0, 1]")
    return np.asarray(classifier(list(range(7))).model(images))


def test_pixels_that_a_model_refuses_are_no_other_scaling() -> None:
    file = ContractFile(classes=FER7.classes, height=8, width=8, channels=1)
    raw = RawModel("strict", strict, (8, 8, 1), None, "0")
    assert [status for status, _ in found(classify_with(raw, file)).values()] == ["ok", "ok"]


def test_without_labels_the_outcome_is_unknown() -> None:
    model, (images, labels) = classifier(list(range(7))), faces()
    none, groups = np.full_like(labels, -1), np.arange(len(labels))
    (check,) = contract_checks(model, images, model.logits(images), none, groups)
    assert (check["rule"], check["status"]) == ("R25", "error")
    assert "neither their order nor the scaling was checked" in check["message"]


def test_labels_are_those_of_the_model_or_else_the_others_of_the_faces() -> None:
    fer, votes = np.array([0, 3, 4]), np.zeros((3, 10), np.uint8)
    votes[np.arange(3), [7, 1, 0]] = 10  # contempt, happiness, neutral
    both = FaceSet("toy", Split.TEST, np.zeros((3, 8, 8, 1), np.uint8), np.arange(3), fer, votes)
    for scheme, own, other in (
        (FER7, [0, 3, 4], [-1, 3, 6]),
        (FERPLUS8, [7, 1, 0], [4, 1, 3]),
        (LabelScheme("two", ("contempt", "sad")), [0, -1, -1], [-1, -1, 1]),
    ):
        found = [both, replace(both, votes=None), replace(both, fer=None)]
        expected = [own, other, own] if scheme.label_set == "ferplus" else [own, own, other]
        assert [labels_in(scheme, each).tolist() for each in found] == expected
    unvoted = replace(both, votes=np.zeros((3, 10), np.uint8))
    assert labels_in(FERPLUS8, unvoted).tolist() == [4, 1, 3]
    assert labels_in(FERPLUS8, replace(unvoted, fer=None)).tolist() == [-1, -1, -1]
