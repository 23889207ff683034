"""Where each check begins to flag, on made-up answers and sets whose figures are known."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import pytest

from attacks.threat_model import Norm
from datasets.faceset import Split
from datasets.labels import FER7, NO_LABEL, LabelScheme, LabelSet
from evaluation.checks.model import model_checks
from evaluation.checks.rules import Check
from evaluation.checks.suite import suite_checks
from evaluation.checks.training_mode import training_mode_checks
from evaluation.config import AttackSettings, RunConfig
from evaluation.tiers import Tier
from fer_models.net_classifier import NetClassifier
from tests.evaluation.held_rows import HeldRows

Change = Callable[[str, np.ndarray], np.ndarray]


class Told:
    """Gives each image (its value is its number) the logits of a table, changed by the question."""

    id, scheme = "told", LabelScheme("told", ("angry", "happy", "sad"))

    def __init__(self, table: np.ndarray, change: Change = lambda draw, rows: np.zeros(len(rows))):
        self.table, self.change = table, change
        self.draw, self.asked = "", [("", 0)][:0]

    @contextmanager
    def asked_anew(self, draw: str, kept: bool) -> Iterator[None]:
        self.draw = draw
        yield

    def logits(self, images: np.ndarray) -> np.ndarray:
        rows = np.rint(images[:, 0, 0, 0] * 1000).astype(int)
        self.asked.append((self.draw, len(rows)))
        return self.table[rows] + self.change(self.draw, rows)[:, None] * np.array([0, 0, 1.0])


def table(count: int) -> np.ndarray:
    """Logits of three classes from -1 to 3, all classes in turn."""
    rows = np.tile([-1.0, 0.0, 1.0], (count, 1))
    rows[np.arange(count), np.arange(count) % 3] = 3
    rows[np.arange(count), (np.arange(count) + 1) % 3] = -1
    return rows


def checked(model: Told, labels: np.ndarray | None = None) -> dict[str, Check]:
    images = (np.arange(len(model.table), dtype=np.float64) / 1000).reshape(-1, 1, 1, 1)
    labels = np.full(len(images), NO_LABEL) if labels is None else labels
    found = model_checks(model, images, model.table, labels)  # type: ignore[arg-type]
    return {entry["check"]: entry for entry in found}


def test_a_sound_model_is_asked_five_times_then_otherwise_and_passes() -> None:
    model = Told(table(40))
    found = checked(model)
    assert [entry["rule"] for entry in found.values()] == ["R11", "R11", "R10", "R3"]
    assert {entry["status"] for entry in found.values()} == {"ok"}
    assert [size for draw, size in model.asked if draw.startswith("repeat")] == [32] * 5
    assert [size for draw, size in model.asked if draw == "alone"] == [1] * 16
    assert [size for draw, size in model.asked if draw == "another order"] == [20]
    words = [entry["message"] for entry in found.values()]
    assert words[0] == "The same batch gives the same logits each time."
    assert words[2] == "Probabilities keep gradients that an attack can follow."
    assert words[3].startswith("The model predicts several classes")
    few = Told(table(5))
    checked(few)
    assert [size for draw, size in few.asked if draw == "alone"] == [1] * 5
    assert [size for draw, size in few.asked if draw == "another order"] == [3]
    many = Told(table(1000))
    checked(many)  # of one batch of 128
    assert [size for draw, size in many.asked if draw == "another order"] == [64]


@pytest.mark.parametrize(("moved", "status"), [(0.98e-5, "ok"), (1.03e-5, "flagged")])
def test_a_random_model_is_one_that_moves_by_more_than_a_hundred_thousandth(
    moved: float, status: str
) -> None:
    """Logits range over 4, from -1 to 3, so a move of 4e-5 is 1e-5 of it."""
    last = Told(table(40), lambda draw, rows: 4 * moved * ((draw == "repeat 4") & (rows == 3)))
    found = checked(last)
    assert found["same answer twice"]["status"] == status
    assert found["same answer twice"]["value"] == pytest.approx(moved)
    assert ("same answer in any batch" in found) == (status == "ok")
    assert ("random" in found["same answer twice"]["message"]) == (status == "flagged")


@pytest.mark.parametrize("draw", ["alone", "another batch", "another order"])
@pytest.mark.parametrize(("moved", "status"), [(0.98e-3, "ok"), (1.03e-3, "flagged")])
def test_any_batch_may_move_a_thousandth(draw: str, moved: float, status: str) -> None:
    """A smaller batch of the first faces is that of the repeats."""
    asked = "repeat" if draw == "another batch" else draw
    model = Told(
        table(40), lambda now, rows: np.where(now.startswith(asked) & (rows == 5), 4, 0) * moved
    )
    found = checked(model)["same answer in any batch"]
    assert (found["status"], found["rule"]) == (status, "R11")
    assert found["value"] == pytest.approx(moved)
    if status == "flagged":
        assert f" {draw}, " in found["message"]


@pytest.mark.parametrize(("sure", "status"), [(50, "ok"), (51, "flagged")])
def test_a_tenth_of_the_answers_may_be_saturated(sure: int, status: str) -> None:
    rows = table(500)
    rows[:sure] *= 1000
    found = checked(Told(rows))["softmax not saturated"]
    assert (found["status"], found["value"]) == (status, sure / 500)
    assert ("probability exactly 1" in found["message"]) == (status == "flagged")


@pytest.mark.parametrize(("tied", "status"), [(50, "ok"), (51, "flagged")])
def test_a_tenth_of_the_answers_may_be_ties_of_clipped_logits(tied: int, status: str) -> None:
    rows = table(500)
    rows[:tied] = [2, 2, -1]
    found = checked(Told(rows))["softmax not saturated"]
    assert (found["rule"], found["status"], found["value"]) == ("R10", status, tied / 500)
    said = "On 10 % of the faces several classes have exactly the largest logit"
    assert (said in found["message"]) == (status == "flagged")


def test_a_model_whose_classes_are_all_equal_has_no_ties() -> None:
    """It tells nothing, which R3 says."""
    found = checked(Told(np.zeros((500, 3))))
    assert found["softmax not saturated"]["value"] == 0
    assert found["more than one class answered"]["status"] == "flagged"


@pytest.mark.parametrize(
    ("count", "classes", "status"), [(10, 1, "flagged"), (9, 1, "ok"), (10, 2, "ok")]
)
def test_one_class_for_ten_faces_says_something(count: int, classes: int, status: str) -> None:
    rows = table(count)[np.arange(count) % classes]
    found = checked(Told(rows))["more than one class answered"]
    assert (found["status"], found["value"], found["threshold"]) == (status, classes, 2)
    assert ("one class for every face" in found["message"]) == (status == "flagged")


@pytest.mark.parametrize(
    ("labels", "status"),
    [([0], "ok"), ([0, NO_LABEL], "ok"), ([1], "flagged"), ([0, 1], "flagged")],
)
def test_one_class_is_right_where_the_faces_have_no_other(labels: list[int], status: str) -> None:
    rows = table(20)[np.zeros(20, int)]
    found = checked(Told(rows), np.resize(labels, 20))["more than one class answered"]
    assert (found["status"], found["value"]) == (status, 1)
    one = "All faces with a label are angry, and the model predicts nothing else"
    assert (one in found["message"]) == (status == "ok")


class AsGiven(NetClassifier):
    """A net that answers by `table`, and differently as it was given: one logit moves."""

    def __init__(self, moved: float) -> None:
        self.id, self.moved = "given", moved
        self.contract: Any = None

    def outputs(self, images: np.ndarray, contract: Any) -> np.ndarray:
        return table(len(images))

    def outputs_as_given(self, images: np.ndarray) -> np.ndarray:
        return table(len(images)) + 4 * self.moved * np.eye(len(images), 3)


AsGiven.__abstractmethods__ = frozenset()


@pytest.mark.parametrize(("moved", "status"), [(0.98e-4, "ok"), (1.03e-4, "flagged")])
def test_training_mode_may_move_a_ten_thousandth(moved: float, status: str) -> None:
    images = np.zeros((5, 1, 1, 1), np.float32)
    (found,) = training_mode_checks(AsGiven(moved), images)  # type: ignore[abstract]
    assert (found["status"], found["rule"]) == (status, "R11")
    assert found["value"] == pytest.approx(moved)
    assert training_mode_checks(Told(table(5)), images) == []  # type: ignore[arg-type]


def rows_of(broken: dict[str, np.ndarray], model: str = "net.fer") -> pd.DataFrame:
    """Rows of `per_image` from whether each attack breaks each face at 0.1."""
    return pd.concat(
        pd.DataFrame(
            {
                "row": np.arange(len(hit)), "model": model, "attacked_labels": "fer",
                "perturbation": name, "source": model, "severity": np.nan,
                "smallest_eps": np.where(hit, 0.1, np.nan), "fer": 3, "prediction": 3,
            }
        )
        for name, hit in broken.items()
    )  # fmt: skip


def config(*attacks: str, eps: tuple[float, ...] = (0.02, 0.1)) -> RunConfig:
    return RunConfig(
        split=Split.PUBLIC_TEST, models=("net.fer",), labels=(LabelSet.FER,), tier=Tier.SMOKE,
        norm=Norm.LINF, eps=eps, limit=None, seed=0, severities=(1,), corruptions=(),
        attacks=tuple(AttackSettings(name=name) for name in attacks),
    )  # fmt: skip


def of_suite(rows: pd.DataFrame, *attacks: str, **settings: Any) -> dict[str, Check]:
    found = suite_checks(HeldRows(rows), {"net.fer": FER7}, config(*attacks, **settings))
    return {entry["rule"]: entry for entry in found}


@pytest.mark.parametrize(("alone", "status"), [(40, "ok"), (41, "flagged")])
@pytest.mark.parametrize(("name", "rule"), [("square", "R7"), ("noise", "R8")])
def test_a_search_may_break_two_faces_of_a_thousand_alone(
    name: str, rule: str, alone: int, status: str
) -> None:
    faces = np.arange(20_000)
    found = of_suite(rows_of({"pgd": faces >= alone, name: faces < alone}), "pgd", name)[rule]
    assert (found["status"], found["value"]) == (status, alone / 20_000)
    assert found["threshold"] == 0.002
    assert found["message"].startswith("No more faces") == (status == "ok")


@pytest.mark.parametrize(("alone", "status"), [(0, "ok"), (1, "flagged")])
def test_a_single_step_may_break_no_face_alone(alone: int, status: str) -> None:
    faces = np.arange(1000)
    found = of_suite(rows_of({"pgd": faces >= alone, "fgsm": faces < 5}), "pgd", "fgsm")["R5"]
    assert (found["status"], found["value"], found["threshold"]) == (status, alone / 1000, 0)
    assert found["message"].startswith("No more faces") == (status == "ok")


def test_the_attack_that_is_named_is_no_single_step() -> None:
    faces = np.arange(100)
    broken = {"fgsm": faces < 90, "pgd": faces < 50, "apgd": faces < 60, "square": faces < 10}
    found = of_suite(rows_of(broken), *broken)["R7"]
    assert (found["check"], found["perturbation"]) == ("apgd beats square", "apgd")


def test_attacks_on_other_faces_are_not_compared() -> None:
    faces = np.arange(10) < 5
    other = rows_of({"fgsm": faces}).assign(row=lambda rows: rows.row + 100)
    found = of_suite(pd.concat([rows_of({"pgd": faces}), other]), "pgd", "fgsm")
    assert "R5" not in found


@pytest.mark.parametrize(("robust", "status"), [(40, "ok"), (41, "flagged")])
def test_a_control_may_leave_two_percent(robust: int, status: str) -> None:
    found = of_suite(rows_of({"pgd": np.arange(2000) >= robust}), "pgd")["R19"]
    assert (found["status"], found["value"]) == (status, robust / 2000)
    assert ("Add an undefended model" in found["message"]) == (status == "flagged")
    wider = of_suite(rows_of({"pgd": np.arange(2000) >= robust}), "pgd", eps=(0.02, 0.05, 0.1))
    assert wider["R19"]["value"] == robust / 2000  # the largest eps counts


@pytest.mark.parametrize(("more", "status"), [(39, "ok"), (41, "flagged")])
def test_a_higher_severity_may_leave_a_hundredth_more(more: int, status: str) -> None:
    def corrupted(model: str, right: int, severity: int) -> pd.DataFrame:
        rows = rows_of({"fog": np.zeros(4000, bool)}, model)
        answers = np.where(np.arange(4000) < right, 3, 4)
        return rows.assign(attacked_labels="", severity=severity, prediction=answers)

    other = [corrupted("other.fer", right, severity) for severity, right in ((1, 0), (2, 4000))]
    parts = [corrupted("net.fer", 1000, 1), corrupted("net.fer", 1000 + more, 2), *other]
    clean = rows_of({"none": np.zeros(4000, bool)}).assign(attacked_labels="")
    found = of_suite(pd.concat([*parts, clean]))["R21"]
    assert (found["status"], found["perturbation"]) == (status, "corruptions")
    assert found["value"] == pytest.approx(more / 4000)
    assert "25.0 %, 26.0 % of faces" in found["message"]
