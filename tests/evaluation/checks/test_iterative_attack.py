"""R6 where no iterative attack by gradients was made."""

import pytest

from attacks.threat_model import Norm
from evaluation.checks.iterative_attack import iterative_checks
from evaluation.config import AttackSettings
from evaluation.stages.pipeline import evaluate_run
from tests.attacks.tiny import BlackBox
from tests.evaluation import tiny
from tests.evaluation.checks.scripted import LinearNet


@pytest.mark.parametrize(
    ("attacks", "norm", "named"),
    [
        ([{"name": "noise"}, {"name": "fgsm"}], Norm.LINF, "noise, fgsm"),
        ([{"name": "square"}, {"name": "pgd_eyes"}], Norm.LINF, "square, pgd_eyes"),
        ([{"name": "fgsm"}, {"name": "cw_l2"}], Norm.LINF, "fgsm"),  # for another norm
        ([{"name": "fgsm"}, {"name": "pgd", "black_boxes_only": True}], Norm.LINF, "fgsm"),
        ([{"name": "fgsm"}, {"name": "pgd", "steps": 1}], Norm.LINF, None),
        ([{"name": "cw_l2"}], Norm.L2, None),
        ([{"name": "ensemble", "headline_only": ["linf"]}], Norm.LINF, None),
        ([], Norm.LINF, None),
    ],
)
def test_a_run_without_an_iterative_attack_by_gradients_is_flagged(
    attacks: list[dict], norm: Norm, named: str | None
) -> None:
    settings = tuple(AttackSettings.model_validate(each) for each in attacks)
    found = iterative_checks(LinearNet(), tiny.config(attacks=settings, norm=norm))
    if named is None:
        assert not found
        return
    assert [(entry["rule"], entry["status"], entry["attacked_labels"]) for entry in found] == [
        ("R6", "flagged", "fer"),
        ("R6", "flagged", "ferplus"),
    ]
    assert f"({named})" in found[0]["message"]


def test_a_black_box_is_not_asked_for_an_iterative_attack_by_gradients() -> None:
    config = tiny.config(attacks=tiny.SEARCH)
    assert not iterative_checks(BlackBox(), config)
    assert len(iterative_checks(LinearNet(), config)) == 2


def test_its_worst_case_is_flagged_and_its_attacks_are_not(tmp_path) -> None:
    config = tiny.config(attacks=(AttackSettings(name="fgsm"),), corruptions=(), severities=())
    evaluate_run(config, tiny.faces(), [tiny.classifier()], tmp_path, None, tiny.SILENT)
    rows = tiny.figures(tiny.results_of(tmp_path), "robust_accuracy", eps=0.1)
    status = rows.groupby("perturbation").status.unique()
    assert (status["worst_case"] == "flagged").all()
    assert (status["fgsm"] == "ok").all()
