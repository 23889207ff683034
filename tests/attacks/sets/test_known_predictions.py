"""A sweep whose model's predictions for the clean images are known does not ask for them again."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from attacks.registry import attack_spec
from attacks.sets.sweep import make_adversarial_set
from attacks.sets.task import AttackTask, CleanFaces
from attacks.threat_model import Norm
from tests.attacks import tiny

SPEC = attack_spec("pgd", Norm.LINF, (0.004, 0.02), "tiny", steps=4)
CLEAN = CleanFaces(tiny.images(120), np.arange(120), "faces")


def test_a_model_whose_predictions_are_known_is_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = tiny.conv(7)
    predicted = classifier.predict(CLEAN.images)
    labels = np.where(np.arange(120) % 9 == 0, (predicted + 1) % 7, predicted)
    task = AttackTask(classifier, CLEAN, labels, SPEC)
    asked = make_adversarial_set(task, tmp_path / "asked")
    monkeypatch.setattr(type(classifier), "predict", lambda *_: pytest.fail("asked again"))
    known = make_adversarial_set(replace(task, predicted=predicted), tmp_path / "known")
    for name in ("smallest_eps", "images", "image_rows", "forward", "backward"):
        np.testing.assert_array_equal(getattr(known, name), getattr(asked, name))
    with pytest.raises(pytest.fail.Exception, match="asked again"):
        make_adversarial_set(task, tmp_path / "again")


def test_what_is_predicted_decides_which_faces_are_attacked(tmp_path: Path) -> None:
    classifier = tiny.conv(7)
    labels = classifier.predict(CLEAN.images)
    predicted = labels.copy()
    predicted[[3, 110]] = (labels[[3, 110]] + 1) % 7
    made = make_adversarial_set(AttackTask(classifier, CLEAN, labels, SPEC, predicted), tmp_path)
    assert np.flatnonzero(made.smallest_eps == 0).tolist() == [3, 110]
