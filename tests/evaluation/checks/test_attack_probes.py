"""Each probe of an attack has a net or setting on which it fires and one on which it does not."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from attacks.registry import attack_spec
from attacks.sets.contents import AdversarialSet
from attacks.sets.sweep import make_adversarial_set
from attacks.sets.task import AttackTask, CleanFaces
from attacks.threat_model import Norm
from datasets.labels import FER7
from evaluation.checks import convergence
from evaluation.checks.convergence import converged, doubled
from evaluation.checks.probes import can_probe, probe_attack, sensitive_eps
from evaluation.checks.rules import Check
from evaluation.checks.set import set_checks
from evaluation.stages.per_image import attacked_rows
from fer_models.contract import Contract
from fer_models.keras_classifier import KerasClassifier, wrap
from tests.evaluation import tiny

FACES = tiny.faces()
IMAGES = FACES.images.astype(np.float32) / 255
GRID = (0.02, 0.1, 0.3)


def made_by(
    classifier: KerasClassifier, folder: Path, name: str = "pgd", **options: Any
) -> AdversarialSet:
    """The set of an attack on what the classifier answers."""
    spec = attack_spec(name, Norm.LINF, GRID, "fer", **options)
    labels = classifier.predict(IMAGES)
    task = AttackTask(classifier, CleanFaces.of(FACES), labels, spec)
    return make_adversarial_set(task, folder)


def changed(layer: keras.layers.Layer, *, first: bool = False) -> KerasClassifier:
    """The tiny model with a layer behind its logits, or before its pixels."""
    model = tiny.classifier().model
    inputs = model.inputs[0]
    outputs = model(layer(inputs)) if first else layer(model.outputs[0])
    return wrap(keras.Model(inputs, outputs), Contract(8, 8, 1, FER7), model_id="changed")


def quantised() -> KerasClassifier:
    return changed(keras.layers.Lambda(lambda x: keras.ops.floor(x * 4) / 4), first=True)


def confident() -> KerasClassifier:
    return changed(keras.layers.Rescaling(30.0))


def status(checks: list[Check], rule: str) -> str:
    (found,) = [entry["status"] for entry in checks if entry["rule"] == rule]
    return found


@pytest.mark.parametrize(
    ("make", "options", "expected"),
    [
        (tiny.classifier, {"steps": 30}, {"R4": "ok", "R6": "ok", "R10": "ok"}),
        (tiny.classifier, {"steps": 1}, {"R6": "flagged"}),
        (confident, {"steps": 20}, {"R10": "ok"}),
        (confident, {"steps": 20, "loss": "cross_entropy"}, {"R10": "flagged"}),
        (quantised, {"steps": 5}, {"R4": "flagged"}),
    ],
)
def test_probes_fire_where_they_should(
    make: Any, options: dict[str, Any], expected: dict[str, str], tmp_path: Path
) -> None:
    classifier = make()
    checks = probe_attack(classifier, made_by(classifier, tmp_path, **options), IMAGES)
    assert {rule: status(checks, rule) for rule in expected} == expected, checks
    assert {entry["perturbation"] for entry in checks} == {"pgd"}
    assert {entry["attacked_labels"] for entry in checks} == {"fer"}


def test_only_attacks_with_steps_and_gradients_are_probed(tmp_path: Path) -> None:
    classifier = tiny.classifier()
    for name, expected in (("pgd", True), ("fgsm", False), ("noise", False), ("pgd_eyes", False)):
        assert can_probe(made_by(classifier, tmp_path / name, name)) is expected


def test_every_budget_of_an_ensemble_is_doubled(tmp_path: Path) -> None:
    budget = {"steps": 1, "targeted_steps": 2, "minimal_steps": 3, "queries": 4}
    made = made_by(tiny.classifier(), tmp_path, "ensemble", **budget)
    checks = probe_attack(tiny.classifier(), made, IMAGES)
    (words,) = [entry["message"] for entry in checks if entry["rule"] == "R6"]
    assert words.startswith("Twice the 1 steps, 2 targeted steps, 3 minimal steps, 4 queries lower")


def test_the_budget_is_doubled_at_every_eps_on_every_unbroken_face(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more step matters at the larger eps only: 3 of the 30 faces unbroken there fall."""
    made = made_by(tiny.classifier(), tmp_path)
    made.smallest_eps[:] = np.nan
    made.smallest_eps[:10] = 0.0  # wrong on clean
    asked = []

    def success(*args: object) -> np.ndarray:
        rows, eps = np.asarray(args[3]), args[4]
        asked.append((eps, len(rows)))
        return (rows < 13) & (eps == made.spec.grid[-1])

    monkeypatch.setattr(convergence, "attack_again", success)
    model, grid = tiny.classifier(), [eps for eps in made.spec.grid if eps > 0]
    found = converged(model, made, [doubled(model, made, IMAGES, eps) for eps in grid])
    assert asked == [(eps, 30) for eps in made.spec.grid if eps > 0] and len(asked) > 1
    assert found["status"] == "flagged"
    assert found["value"] == pytest.approx(3 / len(IMAGES))
    assert "3 of 30 unbroken faces break" in found["message"]


def test_the_sensitive_eps_leaves_half_of_the_right_faces(tmp_path: Path) -> None:
    made = made_by(tiny.classifier(), tmp_path)
    made.smallest_eps[:] = np.nan
    made.smallest_eps[:10] = 0.0  # wrong on clean: 30 are right
    made.smallest_eps[10:13] = 0.02
    made.smallest_eps[13:23] = 0.1  # 17 of 30 stand
    made.smallest_eps[23:] = 0.3
    assert sensitive_eps(made) == 0.1
    made.smallest_eps[:] = 0.0
    assert sensitive_eps(made) is None
    assert probe_attack(tiny.classifier(), made, IMAGES) == []


def test_an_attack_that_never_asked_for_a_gradient_is_flagged(tmp_path: Path) -> None:
    classifier = tiny.classifier()
    made = made_by(classifier, tmp_path)
    rows = attacked_rows(FACES, classifier, classifier.logits(IMAGES), made)
    assert status(set_checks(classifier, made, rows, IMAGES), "R24") == "ok"
    made.backward[:] = 0
    assert status(set_checks(classifier, made, rows, IMAGES), "R24") == "flagged"
