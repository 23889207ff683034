"""R14 has nets whose attack misses what was planted, and nets whose attack finds it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from attacks.registry import attack_spec
from attacks.sets.sweep import make_adversarial_set
from attacks.sets.task import AttackTask, CleanFaces
from attacks.threat_model import Norm, distance
from datasets.labels import FER7
from evaluation.checks.planted_example import planted_example, random_points, separating_head
from evaluation.checks.planted_heads import PlantedHeads
from evaluation.checks.rules import Check
from fer_models.classifier import DifferentiableClassifier
from fer_models.contract import Contract
from fer_models.keras_classifier import wrap
from fer_models.linear_head import LinearHead
from tests.evaluation import tiny

FACES = tiny.faces()
IMAGES = FACES.images.astype(np.float32) / 255
POINTS = 16


def probed(
    classifier: DifferentiableClassifier,
    folder: Path,
    name: str = "pgd",
    norm: Norm = Norm.LINF,
    eps: float = 0.1,
    **options: Any,
) -> Check:
    """The check of an attack on what the classifier answers."""
    spec = attack_spec(name, norm, (eps / 10,), "fer", **options)  # few fall: many to plant for
    labels = classifier.predict(IMAGES)
    task = AttackTask(classifier, CleanFaces.of(FACES), labels, spec)
    made = make_adversarial_set(task, folder)
    return planted_example(classifier, made, IMAGES, eps)


def behind(first: Callable[[Any], Any]) -> DifferentiableClassifier:
    """The tiny net behind a function of its pixels."""
    model = tiny.classifier().model
    inputs = model.inputs[0]
    outputs = model(keras.layers.Lambda(first)(inputs))
    return wrap(keras.Model(inputs, outputs), Contract(8, 8, 1, FER7), model_id="behind")


def quantised() -> DifferentiableClassifier:
    return behind(lambda x: keras.ops.floor(x * 16) / 16)


def misleading() -> DifferentiableClassifier:
    """Its gradients point downhill: values of x, slopes of -x."""
    return behind(lambda x: keras.ops.stop_gradient(2 * x) - x)


def too_confident() -> DifferentiableClassifier:
    return LinearHead(tiny.classifier(), 1000 * np.eye(7))


@pytest.mark.parametrize(
    ("name", "norm", "eps", "options"),
    [
        ("pgd", Norm.LINF, 0.1, {"steps": 10}),
        ("apgd_t", Norm.L2, 0.5, {"steps": 10}),
        ("apgd", Norm.L1, 3.0, {"steps": 25}),
        ("fmn", Norm.LINF, 0.1, {"steps": 30}),
    ],
)
def test_attacks_find_what_was_planted(
    name: str, norm: Norm, eps: float, options: dict[str, Any], tmp_path: Path
) -> None:
    found = probed(tiny.classifier(), tmp_path, name, norm, eps, **options)
    assert (found["status"], found["rule"]) == ("ok", "R14"), found
    assert found["value"] >= 0.95
    assert "for 20 of 20" in found["message"] or "for 19 of 20" in found["message"]


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (quantised, {}),
        (misleading, {}),
        (too_confident, {"loss": "cross_entropy"}),
    ],
)
def test_attacks_that_are_led_astray_are_flagged(
    make: Callable[[], DifferentiableClassifier], options: dict[str, Any], tmp_path: Path
) -> None:
    found = probed(make(), tmp_path, steps=5, **options)
    assert found["status"] == "flagged", found
    assert found["value"] < 0.9
    assert "It misses existing examples" in found["message"]


def test_confidence_alone_leads_nobody_astray(tmp_path: Path) -> None:
    assert probed(too_confident(), tmp_path, steps=5)["status"] == "ok"


def test_nothing_is_planted_where_nothing_changes(tmp_path: Path) -> None:
    found = probed(behind(lambda x: x * 0), tmp_path)
    assert found["status"] == "ok"
    assert np.isnan(found["value"])
    assert "No example could be planted" in found["message"]


def test_rounding_is_no_change_of_the_logits() -> None:
    """With AVX2 alone, equal images in one batch have answers that differ in their last bits."""
    logits = np.tile(np.array([3.0, 1.0, -2.0], np.float32), (20, 1))
    logits[7] = np.nextafter(logits[7], np.float32(9))
    assert separating_head(logits) is None


def test_the_head_is_positive_at_one_point_only() -> None:
    classifier = tiny.classifier()
    for norm, eps in ((Norm.LINF, 0.1), (Norm.L2, 0.5), (Norm.L1, 3.0)):
        for row in range(5):
            draw = np.random.default_rng(row)
            points = random_points(IMAGES[row], eps, norm, draw, POINTS)
            clean = np.repeat(IMAGES[row : row + 1], POINTS, axis=0)
            assert (distance(points, clean, norm) <= eps * (1 + 1e-6)).all()
            every = np.concatenate([IMAGES[row : row + 1], points])
            head = separating_head(classifier.logits(every))
            assert head is not None
            direction, offset = head[0][None], np.array([head[1]])
            planted = PlantedHeads(classifier, every[:1], direction, offset, norm)
            logits = planted.logits(every)
            assert (logits.argmax(axis=1) == 1).sum() == 1
            assert logits[0].argmax() == 0
            # it leads at the face as the model does
            two = np.sort(classifier.logits(every[:1])[0])[-2:]
            assert logits[0, 0] - logits[0, 1] == pytest.approx(two[1] - two[0], rel=1e-3)


def test_no_head_where_all_points_look_alike() -> None:
    assert separating_head(np.ones((POINTS + 1, 7), np.float32)) is None
