"""What a run plans: what cannot be scored is refused, attacks that know no such norm left out."""

from collections.abc import Callable
from pathlib import Path

import pytest

from attacks.threat_model import Norm
from datasets.base.errors import InputError
from datasets.faceset import FaceSet
from datasets.labels import LabelScheme, LabelSet
from evaluation.config import AttackSettings
from evaluation.listener import Listener
from evaluation.results.files import read_table
from evaluation.results.run import FinishedRun
from evaluation.results.schema import CHECK_COLUMNS
from evaluation.stages.jobs import plan
from evaluation.stages.pipeline import evaluate_run
from reports.sections.method import attack_words
from tests.evaluation import tiny


@pytest.mark.parametrize(
    ("make_faces", "scheme", "words"),
    [
        (tiny.without_votes, None, "no ferplus labels. Give --votes"),
        (tiny.faces, LabelScheme("digits", tuple("0123456789")), "must be emotions of fer"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    make_faces: Callable[[], FaceSet], scheme: LabelScheme | None, words: str
) -> None:
    model = tiny.classifier(scheme) if scheme else tiny.classifier()
    with pytest.raises(InputError, match=words):
        plan(tiny.config(), make_faces(), [model])


def test_an_eps_too_large_for_the_images_is_refused_before_any_set() -> None:
    config = tiny.config(norm=Norm.L2, eps=(1.0, 9.0))  # of 8x8 pixels the largest is 8
    with pytest.raises(InputError, match=r"must be in \[0, 8\] for l2; got 9"):
        plan(config, tiny.faces(), [tiny.classifier()])


def test_under_l1_attacks_that_know_it_run_and_the_others_are_named(tmp_path: Path) -> None:
    apgd = AttackSettings.model_validate({"name": "apgd", "steps": 10})
    attacks = (AttackSettings(name="noise"), AttackSettings(name="fgsm"), apgd)
    config = tiny.config(
        labels=(LabelSet.FER,), corruptions=(), norm=Norm.L1, eps=(1.0, 5.0), attacks=attacks
    )
    lines: list[str] = []
    listener = Listener(lines.append, lambda *_: None)
    evaluate_run(config, tiny.faces(), [tiny.classifier()], tmp_path, None, listener)
    assert "left out, not defined for l1: fgsm" in lines
    rows = tiny.figures(tiny.results_of(tmp_path), "robust_accuracy", eps=5.0)
    rows = rows.set_index("perturbation")
    assert set(rows.index) == {"noise", "apgd", "worst_case"}
    assert rows.value["apgd"] < rows.value["noise"]
    checks = read_table(tmp_path / "checks.parquet", CHECK_COLUMNS)
    assert dict(checks.set_index("rule").status)["R4"] == "ok"
    for left in (attacks[1:2], attacks[:2]):  # noise is no attack
        alone = config.model_copy(update={"attacks": left})
        with pytest.raises(InputError, match="no attack of tier smoke is defined for norm l1"):
            plan(alone, tiny.faces(), [tiny.classifier()])
    noise = config.model_copy(update={"attacks": attacks[:1]})  # as was asked for
    assert [job.spec.perturbation for job in plan(noise, tiny.faces(), [tiny.classifier()])] == [
        "noise"
    ]


def test_an_attack_may_run_at_the_eps_of_the_verdict_alone(tmp_path: Path) -> None:
    apgd = AttackSettings.model_validate({"name": "apgd", "steps": 10, "headline_only": ["linf"]})
    attacks = (AttackSettings(name="fgsm"), apgd)
    config = tiny.config(labels=(LabelSet.FER,), corruptions=(), attacks=attacks)
    grids = {
        job.spec.perturbation: job.spec.grid
        for job in plan(config, tiny.faces(), [tiny.classifier()])
    }
    assert grids == {"fgsm": (0.02, 0.1), "apgd": (0.02,)}
    tiny.write_run(tmp_path, config)
    rows = tiny.figures(tiny.results_of(tmp_path), "robust_accuracy", model="tiny.fer")
    assert set(rows[rows.perturbation == "apgd"].eps) == {0.02}
    worst = rows[rows.perturbation == "worst_case"].set_index("eps").value
    assert worst[0.1] <= worst[0.02] <= rows[rows.perturbation == "apgd"].value.item()
    settings = {name: told for name, _, told in attack_words(FinishedRun(tmp_path))}
    assert settings["APGD"].endswith("steps 10, restarts 1, at 5.1/255 only")
    assert "only" not in settings["FGSM"]
