"""What a run keeps of its sets: faces for the gallery, sizes and explanations of broken ones."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets.labels import LabelScheme, LabelSet
from evaluation.listener import Listener
from evaluation.results.files import read_arrays, read_table
from evaluation.results.row_parts import RowParts
from evaluation.results.run import FinishedRun
from evaluation.results.schema import CHECK_COLUMNS, GALLERY_ARRAYS
from evaluation.results.transfer_rows import TransferRows
from evaluation.stages import measurements
from evaluation.stages.clean_answers import answer_clean
from evaluation.stages.failures import Failures
from evaluation.stages.jobs import plan
from evaluation.stages.logits_cache import LogitsCache
from evaluation.stages.measurements import Measurements
from evaluation.stages.pipeline import evaluate_run
from evaluation.stages.residence import Residence
from evaluation.stages.sets import make_sets
from fer_models.wrapped_classifier import WrappedClassifier
from tests.evaluation import tiny


def test_a_net_that_cannot_be_explained_keeps_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise RuntimeError("an odd graph")

    monkeypatch.setattr(measurements, "explain", die)
    told: list[str] = []
    listener = Listener(line=told.append, chunk=lambda *_: None)
    run = tiny.config(corruptions=(), eps=(0.1,), labels=(LabelSet.FER,))
    evaluate_run(run, tiny.faces(), tiny.models()[:1], tmp_path, None, listener)
    assert "tiny.fer: no Grad-CAM, RuntimeError" in told
    assert not (tiny.results_of(tmp_path).metric == "median_cam_shift").any()
    assert read_arrays(tmp_path / "gallery.npz", GALLERY_ARRAYS)["clean_cam"].max() == 0


class Eight(WrappedClassifier):
    """The tiny net with contempt, which it never answers, and two classes exchanged."""

    def __init__(self) -> None:
        super().__init__(tiny.classifier())
        self.id = "eight"
        names = ("angry", "disgust", "fear", "sad", "happy", "surprise", "neutral", "contempt")
        self.scheme = LabelScheme("eight", names)

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        logits = self.inner.logits(images)
        return np.concatenate([logits, np.full((len(logits), 1), -99, np.float32)], axis=1)


def test_the_order_of_eight_classes_is_checked_on_faces_with_seven(tmp_path: Path) -> None:
    faces = replace(tiny.faces(210), votes=None, leaked=None)
    run = tiny.config(
        models=("eight",), corruptions=(), attacks=tiny.SEARCH[:1], labels=(LabelSet.FER,)
    )
    evaluate_run(run, faces, [Eight()], tmp_path, None, tiny.SILENT)
    checks = read_table(tmp_path / "checks.parquet", CHECK_COLUMNS)
    order = checks[checks.check == "class order"]
    assert set(order.status) == {"flagged"}
    assert "what it calls sad is happy, happy is sad" in order.message.item()


def test_choosing_faces_to_show_changes_no_rows(tmp_path: Path) -> None:
    run, faces = tiny.config(corruptions=(), labels=(LabelSet.FER,)), tiny.faces()
    failures = Failures(tiny.SILENT)
    clean = answer_clean(faces, tiny.models()[:1], failures, Residence(1))
    cache = LogitsCache(tmp_path / "answers")
    rows = RowParts(tmp_path)
    transfers = TransferRows(tmp_path)
    measured = Measurements(
        faces, clean, cache, failures, tiny.SILENT, rows, transfers, Residence(1)
    )
    jobs = plan(run, faces, clean.classifiers)
    for outcome in make_sets(jobs, faces, tmp_path / "sets", {}, tiny.SILENT):
        measured.add(outcome)
    before = rows.rows.pick()
    assert measured.gallery()["clean_cam"].max() == 0  # not explained yet
    pd.testing.assert_frame_equal(rows.rows.pick(), before)
    measured.explain_strongest()
    assert before.cam_shift.isna().all() and rows.rows.pick().cam_shift.notna().any()
    assert measured.gallery()["clean_cam"].max() > 0


def test_the_gallery_shows_broken_faces_of_each_model(run_folder: Path) -> None:
    gallery = read_arrays(run_folder / "gallery.npz", GALLERY_ARRAYS)
    assert set(gallery["model"]) == {"tiny.fer", "tiny.ferplus"}
    assert (gallery["perturbation"] == "pgd").all()
    assert (gallery["eps"] > 0).all()
    assert gallery["classes"].shape[1] == 8
    moved = np.abs(gallery["attacked"] - gallery["clean"].astype(np.float32) / 255)
    assert (moved.max(axis=(1, 2, 3)) <= gallery["eps"] * (1 + 1e-5)).all()
    fer = gallery["model"] == "tiny.fer"
    assert np.isnan(gallery["clean_probabilities"][fer, 7]).all()
    np.testing.assert_allclose(np.nansum(gallery["attacked_probabilities"], axis=1), 1, atol=1e-5)


def test_sizes_and_explanations_of_broken_faces(run_folder: Path) -> None:
    rows = FinishedRun(run_folder).per_image
    attacked = rows[rows.attacked_labels != ""]
    moved = attacked.smallest_eps > 0
    assert moved.any() and attacked.loc[~moved, ["linf", "l2", "l1", "distance"]].isna().all(
        axis=None
    )
    broken = attacked[moved]
    np.testing.assert_array_equal(broken.linf, broken.distance)
    # of 64 pixels: the largest is at most the root of the sum of squares, that at most the sum
    assert ((broken.linf <= broken.l2) & (broken.l2 <= broken.l1)).all()
    assert (broken.l1 <= 64 * broken.linf * (1 + 1e-9)).all()
    known = rows[rows.cam_shift.notna()]
    own = known.model.str.split(".").str[1]
    assert set(known.perturbation) == {"pgd"} and (known.attacked_labels == own).all()
    assert known.cam_shift.between(0, 1).all() and (known.smallest_eps > 0).all()
    assert read_arrays(run_folder / "gallery.npz", GALLERY_ARRAYS)["attacked_cam"].max() == 255
    results = tiny.results_of(run_folder)
    assert len(results[results.metric == "median_cam_shift"]) == 2 * 2  # models and eps
