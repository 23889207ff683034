"""Models that return a label and no scores: other attacks, no confidence, nothing else missing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attacks.base import Keys
from attacks.registry import make_attack
from attacks.threat_model import Norm
from datasets.base.errors import InputError
from datasets.labels import LabelSet
from evaluation.config import AttackSettings
from evaluation.metrics.calibration import are_labels_only
from evaluation.results.files import read_arrays
from evaluation.results.schema import GALLERY_ARRAYS
from evaluation.stages.black_boxes import black_box_checks
from evaluation.stages.jobs import plan
from evaluation.stages.pipeline import evaluate_run
from evaluation.tiers import Tier, read_tier, tier_path
from fer_models.defences.base import defend
from fer_models.defences.registry import parse_defence
from fer_models.wrapped_classifier import WrappedClassifier
from tests.evaluation import tiny

CONFIDENCE = {"ece", "debiased_ece", "adaptive_ece", "brier", "nll", "soft_ece"} | {
    "vote_cross_entropy",
    "bin_accuracy",
    "bin_confidence",
}
SEARCHES = (
    *tiny.SEARCH,
    AttackSettings.model_validate(
        {
            "name": "hop_skip_jump",
            "steps": 2,
            "queries": 10,
            "budget": 200,
            "labels_only": True,
            "limit": 8,
        }
    ),
)
RUN = tiny.config(models=("labels",), attacks=SEARCHES, eps=(0.1, 0.5))


class Labels(WrappedClassifier):
    """The tiny net, of which only the label is told."""

    def __init__(self) -> None:
        super().__init__(tiny.classifier())
        self.id, self.labels_only = "labels", True

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return np.eye(7, dtype=np.float32)[self.inner.logits(images).argmax(axis=1)]


class Scores(Labels):
    def __init__(self) -> None:
        super().__init__()
        self.id, self.labels_only = "scores", False

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return self.inner.logits(images)


def test_labels_are_attacked_by_decisions_and_scores_by_scores() -> None:
    found = {
        (job.classifier.id, job.spec.perturbation): job.not_applicable
        for job in plan(RUN, tiny.faces(), [Labels(), Scores()])
        if job.classifier
    }
    assert found == {
        ("labels", "noise"): "",
        ("labels", "square"): "the model returns labels only",
        ("labels", "hop_skip_jump"): "",
        ("scores", "noise"): "",
        ("scores", "square"): "",
    }
    (only,) = black_box_checks(Labels(), tiny.config(labels=("fer",), attacks=tiny.SEARCH), 40)
    assert "with noise only" in only["message"]
    (both,) = black_box_checks(Labels(), tiny.config(labels=("fer",), attacks=SEARCHES), 40)
    assert "by queries" in both["message"]


def test_every_tier_has_an_attack_by_labels_with_a_budget() -> None:
    for tier in Tier:
        (attack,) = [one for one in read_tier(tier_path(tier)).attacks if one.labels_only]
        assert attack.name == "hop_skip_jump" and attack.options["budget"] >= 1000


def test_an_attack_by_scores_is_refused() -> None:
    classifier, images = Labels(), tiny.faces(2).images.astype(np.float32) / 255
    labels, keys = classifier.predict(images), Keys(0, np.arange(2))
    with pytest.raises(InputError, match=r"square needs scores and labels returns labels only"):
        make_attack("square", Norm.LINF, 0.1, {})(classifier, images, labels, keys)


def test_a_random_defence_is_refused_and_others_keep_the_label() -> None:
    images = tiny.faces(4).images.astype(np.float32) / 255
    defended = defend(Labels(), parse_defence("bits3"), "bits3")
    assert defended.labels_only and are_labels_only(defended.logits(images))
    with pytest.raises(InputError, match="averages scores over several views"):
        defend(Labels(), parse_defence("resize_pad4"), "resize_pad4")


def test_a_run_has_no_figure_of_confidence_and_all_others(tmp_path: Path) -> None:
    evaluate_run(RUN, tiny.faces(), [Labels(), Scores()], tmp_path, None, tiny.SILENT)
    results = tiny.results_of(tmp_path)
    labels, scores = (results[results.model == model] for model in ("labels", "scores"))
    assert set(scores.metric) >= CONFIDENCE
    assert set(scores.metric) - set(labels.metric) == CONFIDENCE
    clean: dict[str, Any] = {"subset": "all", "perturbation": "none", "metric": "accuracy"}

    def accuracy(rows: Any) -> list[float]:
        for name, value in clean.items():
            rows = rows[rows[name] == value]
        return rows.sort_values("label_set").value.tolist()

    assert accuracy(labels) == accuracy(scores)
    robust = tiny.figures(labels, "robust_accuracy", perturbation="hop_skip_jump")
    assert len(robust) == 2 * len(LabelSet) and (robust.status != "error").all()
    assert robust.value.min() < tiny.figures(labels, "accuracy").value.max()
    gallery = read_arrays(tmp_path / "gallery.npz", GALLERY_ARRAYS)
    mine = gallery["clean_probabilities"][gallery["model"] == "labels"]
    assert len(mine) and (np.nansum(mine, axis=1) == 1).all()
    assert (np.isnan(mine).sum(axis=1) == mine.shape[1] - 1).all()


def test_what_counts_as_labels_only() -> None:
    eye = np.eye(7, dtype=np.float32)
    assert are_labels_only(eye)
    assert not are_labels_only(2 * eye) and not are_labels_only(eye[:0])
    assert not are_labels_only(np.zeros((3, 7))) and not are_labels_only(np.ones((3, 7)))
    assert not are_labels_only(eye - eye[0])
