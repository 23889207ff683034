"""Floors for build pipelines."""

import pandas as pd
import pytest

from datasets.base.errors import InputError
from evaluation.comparing.fail_under import Requirement, parse_requirement


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

SOUND = pd.DataFrame({"model": ["m"], "attacked_labels": ["fer"], "rule": ["R4"], "status": ["ok"]})


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
    missed = parse_requirement("robust_accuracy@4/255=0.25").missed(RESULTS, SOUND)
    assert missed == ["m under fer labels: robust_accuracy 0.2000 is below 0.25"]
    assert parse_requirement("accuracy=0.7").missed(RESULTS, SOUND) == []
    assert len(parse_requirement("accuracy=0.71").missed(RESULTS, SOUND)) == 1


@pytest.mark.parametrize(("rule", "is_void"), [("R4", True), ("R25", True), ("R6", False)])
def test_a_void_figure_holds_no_minimum(rule: str, is_void: bool) -> None:
    failed = SOUND.assign(rule=rule, status="flagged")
    missed = parse_requirement("robust_accuracy@4/255=0.1").missed(RESULTS, failed)
    words = f"m under fer labels: robust_accuracy 0.2000 is void, {rule} failed"
    assert missed == [words] * is_void


def test_what_was_not_measured_is_missed() -> None:
    clean = {"metric": "accuracy", "attacked_labels": "", "perturbation": "none", "eps": 0.0}
    unattacked = [row(**clean, label_set="ferplus"), row(**clean, model="blind", value=0.9)]
    transfer = row(model="blind", attacked_labels="ferplus", value=0.9)
    results = pd.concat([RESULTS, pd.DataFrame([*unattacked, transfer])])
    robust = parse_requirement("robust_accuracy@4/255=0.1")
    assert robust.missed(results, SOUND) == [
        f"{where} labels: robust_accuracy was not measured, no attack gave a figure"
        for where in ("m under ferplus", "blind under fer")
    ]
    assert len(robust.missed(pd.DataFrame(unattacked), SOUND)) == 2  # a tier without attacks
    assert parse_requirement("accuracy=0.1").missed(results, SOUND) == []
    assert (
        parse_requirement("robust_accuracy@2/255=0")
        .missed(RESULTS, SOUND)[0]
        .startswith("m under fer")
    )


def test_a_crashed_attack_misses_every_floor() -> None:
    crashed = pd.concat([RESULTS, pd.DataFrame([row(status="error", subset="x", detail="boom")])])
    assert parse_requirement("accuracy=0").missed(crashed, SOUND) == ["m worst_case: failed, boom"]


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
