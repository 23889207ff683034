"""Floors for build pipelines."""

import pandas as pd
import pytest

from datasets.base.errors import InputError
from evaluation.gates.case import Outcome, not_held
from evaluation.gates.fail_under import Requirement, judge, parse_requirement
from evaluation.results.schema import ANY_BATCH, AT_THE_END


def row(**changes: object) -> dict[str, object]:
    return {
        "model": "m",
        "label_set": "fer",
        "attacked_labels": "fer",
        "subset": "all",
        "perturbation": "worst_case",
        "metric": "robust_accuracy",
        "eps": 4 / 255,
        "value": 0.2,
        "ci_low": 0.1,
        "ci_high": 0.4,
        "n": 50,
        "status": "ok",
        "detail": "",
        **changes,
    }


RESULTS = pd.DataFrame(
    [
        row(),
        row(model="better", value=0.3),
        row(metric="accuracy", attacked_labels="", perturbation="none", eps=0.0, value=0.7),
        row(model="transfer", attacked_labels="ferplus", value=0.0),  # label transfer never counts
        row(perturbation="noise", value=0.0),
        row(subset="class:happy", value=0.0),
    ]
)

SOUND = pd.DataFrame(
    [{"model": "m", "attacked_labels": "fer", "rule": "R4", "check": "some", "status": "ok"}]
)
FLAGGED = SOUND.assign(rule="R6", status="flagged")


def missed(requirement: str, results: pd.DataFrame, checks: pd.DataFrame) -> list[str]:
    """Lines of what does not hold."""
    cases = judge([parse_requirement(requirement)], results, checks, {})
    return [case.line for case in not_held(cases)]


FIGURE = "robust_accuracy@4/255 0.2000 (95 % interval 0.1000 to 0.4000, 50 faces)"


def test_forms() -> None:
    assert parse_requirement("robust_accuracy@4/255=0.25") == Requirement(
        "robust_accuracy", 4 / 255, 0.25
    )
    assert parse_requirement("accuracy=0.6") == Requirement("accuracy", 0.0, 0.6)


def test_a_wrong_metric_lists_the_accepted_ones() -> None:
    with pytest.raises(InputError, match="must be accuracy or robust_accuracy; got 'robust'") as at:
        parse_requirement("robust@4/255=0.25")
    assert "\n" not in str(at.value)


def test_only_models_below_are_missed() -> None:
    lines = missed("robust_accuracy@4/255=0.25", RESULTS, SOUND)
    assert lines == [f"missed: m under fer labels: {FIGURE} is below 0.25"]
    assert missed("accuracy=0.7", RESULTS, SOUND) == []
    assert len(missed("accuracy=0.71", RESULTS, SOUND)) == 1


def test_every_model_has_a_case_by_the_name_of_its_labels() -> None:
    requirement = parse_requirement("robust_accuracy@4/255=0.25")
    cases = judge([requirement], RESULTS, SOUND, {"fer": "RAF-DB"})
    assert [(case.model, case.labels, case.outcome) for case in cases] == [
        ("m", "RAF-DB", Outcome.MISSED),
        ("better", "RAF-DB", Outcome.HELD),
    ]
    assert {case.requirement for case in cases} == {"robust_accuracy@4/255=0.25"}
    assert cases[1].message.endswith(" is at least 0.25")
    assert judge([], RESULTS, SOUND, {}) == []


def test_a_figure_that_may_be_too_high_says_so_where_it_holds() -> None:
    results = RESULTS.assign(status="flagged")
    (case, _) = judge([parse_requirement("robust_accuracy@4/255=0.1")], results, FLAGGED, {})
    assert case.outcome is Outcome.HELD
    assert case.message.endswith("flagged; R6 failed, so robust accuracy may be too high")


@pytest.mark.parametrize(("high", "is_missed"), [(0.09, True), (0.2, False)])
def test_faces_that_every_attack_saw_are_judged_too(high: float, is_missed: bool) -> None:
    """On all faces 0.2 holds, as a slow attack saw a part of them only."""
    part = row(subset="every_attack", value=0.02, ci_low=0.0, ci_high=high, n=10)
    results = pd.concat([RESULTS, pd.DataFrame([part])])
    case, better = judge([parse_requirement("robust_accuracy@4/255=0.1")], results, SOUND, {})
    assert case.outcome is (Outcome.MISSED if is_missed else Outcome.HELD)
    assert f"0.0200 (95 % interval 0.0000 to {high:.4f}, 10 faces) on those" in case.message
    assert better.outcome is Outcome.HELD
    assert "every attack saw" not in better.message


def test_one_face_is_no_faces() -> None:
    (line,) = missed("robust_accuracy@4/255=0.25", pd.DataFrame([row(n=1)]), SOUND)
    assert "to 0.4000, 1 face)" in line


def test_a_figure_over_no_face_is_not_judged() -> None:
    nothing = pd.DataFrame([row(value=float("nan"), n=0)])
    assert missed("robust_accuracy@4/255=0", nothing, SOUND) == [
        "not judged: m under fer labels: robust_accuracy@4/255 was measured on no face"
    ]


@pytest.mark.parametrize(
    ("rule", "check", "is_void"),
    [
        ("R4", "some", True),
        ("R25", "some", True),
        ("R6", "some", False),
        ("R11", ANY_BATCH, True),
        ("R11", AT_THE_END, True),
        ("R11", "same answer twice", False),
    ],
)
def test_a_void_figure_holds_no_minimum(rule: str, check: str, is_void: bool) -> None:
    failed = SOUND.assign(rule=rule, status="flagged", check=check)
    lines = missed("robust_accuracy@4/255=0.1", RESULTS, failed)
    words = f"not judged: m under fer labels: {FIGURE} is void, {rule} failed"
    assert lines == [words] * is_void


def test_what_was_not_measured_is_missed() -> None:
    clean = {"metric": "accuracy", "attacked_labels": "", "perturbation": "none", "eps": 0.0}
    unattacked = [row(**clean, label_set="ferplus"), row(**clean, model="blind", value=0.9)]
    transfer = row(model="blind", attacked_labels="ferplus", value=0.9)
    results = pd.concat([RESULTS, pd.DataFrame([*unattacked, transfer])])
    robust = "robust_accuracy@4/255=0.1"
    words = "robust_accuracy@4/255 was not measured, no attack gave a figure"
    assert missed(robust, results, SOUND) == [
        f"not judged: {where} labels: {words}" for where in ("m under ferplus", "blind under fer")
    ]
    assert len(missed(robust, pd.DataFrame(unattacked), SOUND)) == 2  # a tier without attacks
    assert missed("accuracy=0.1", results, SOUND) == []
    (line,) = missed("robust_accuracy@2/255=0", RESULTS, SOUND)
    assert line.startswith("not judged: m under fer")


def test_a_crashed_attack_misses_every_floor() -> None:
    crashed = pd.concat([RESULTS, pd.DataFrame([row(status="error", subset="x", detail="boom")])])
    assert missed("accuracy=0", crashed, SOUND) == [
        "not judged: m under fer labels: worst_case failed, boom"
    ]


def test_an_eps_outside_the_grid_is_refused() -> None:
    requirement = parse_requirement("robust_accuracy@3/255=0.25")
    requirement.check_grid((3 / 255,))
    parse_requirement("accuracy=0.5").check_grid((4 / 255,))
    with pytest.raises(InputError, match="got 0"):
        parse_requirement("robust_accuracy@0=0.5").check_grid((4 / 255,))
    with pytest.raises(InputError, match="4/255; got 3/255"):
        requirement.check_grid((4 / 255,))


@pytest.mark.parametrize(
    "text",
    [
        "robust_accuracy=0.2",
        "accuracy@4/255=0.2",
        "recall=0.2",
        "accuracy",
        "accuracy=high",
        "accuracy=1.5",
        "accuracy=nan",
    ],
)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="--fail-under"):
        parse_requirement(text)
