"""A whole run on tiny faces: its files and its figures."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from attacks.sets.contents import CorruptedSet, TransferSet
from datasets.base.errors import InputError
from datasets.labels import FER7, LabelSet
from evaluation.comparing.boards import leaderboards
from evaluation.config import AttackSettings
from evaluation.figures.score_run import rescore
from evaluation.listener import Listener
from evaluation.results.files import read_table
from evaluation.results.run import FinishedRun
from evaluation.results.schema import (
    CHECK_COLUMNS,
    COMPARISON_COLUMNS,
    PER_IMAGE_COLUMNS,
    RESULT_COLUMNS,
)
from evaluation.stages.logits_cache import LogitsCache
from evaluation.stages.pipeline import evaluate_run
from fer_models import linear_head
from fer_models.classifier import Classifier, ModelError
from fer_models.contract import Contract
from fer_models.keras_classifier import wrap
from reports.page import write_report
from tests.evaluation import tiny


def test_every_file_has_its_columns(run_folder: Path) -> None:
    for name, columns in (
        ("results", RESULT_COLUMNS),
        ("checks", CHECK_COLUMNS),
        ("comparisons", COMPARISON_COLUMNS),
    ):
        assert len(read_table(run_folder / f"{name}.parquet", columns))
    assert list(FinishedRun(run_folder).per_image) == list(PER_IMAGE_COLUMNS)
    csv = pd.read_csv(run_folder / "results.csv", keep_default_na=False)
    assert list(csv.columns) == list(RESULT_COLUMNS)
    assert len(csv) == len(tiny.results_of(run_folder))


def test_clean_accuracy_is_that_of_the_model(run_folder: Path) -> None:
    faces, model = tiny.faces(), tiny.classifier()
    expected = (model.predict(faces.images.astype(np.float32) / 255) == faces.fer).mean()
    row = tiny.figures(tiny.results_of(run_folder), "accuracy", model="tiny.fer", label_set="fer")
    clean = row[row.perturbation == "none"].iloc[0]
    assert clean.value == pytest.approx(expected)
    assert clean.value == pytest.approx(32 / 40)  # every fifth label was moved
    assert clean.n == 40


def test_contempt_is_left_out_for_a_fer_model_and_wrong_for_a_ferplus_one(
    run_folder: Path,
) -> None:
    faces = tiny.faces()
    assert faces.votes is not None
    contempt = int((faces.votes[:, 7] == 7).sum())
    assert contempt > 0
    rows = tiny.figures(tiny.results_of(run_folder), "accuracy", perturbation="none")
    sizes = rows.set_index(["model", "label_set"]).n
    assert sizes["tiny.fer", "ferplus"] == 40 - contempt
    assert sizes["tiny.ferplus", "ferplus"] == 40
    assert sizes["tiny.ferplus", "fer"] == 40


def test_robust_accuracy_falls_with_eps_and_worst_case_is_the_lowest(run_folder: Path) -> None:
    results = tiny.results_of(run_folder)
    for (_, _), rows in tiny.figures(results, "robust_accuracy").groupby(["model", "label_set"]):
        table = rows.pivot(index="eps", columns="perturbation", values="value")
        assert (table.loc[0.1] <= table.loc[0.02]).all()
        assert (table["worst_case"] <= table.drop(columns="worst_case").min(axis=1) + 1e-12).all()
        assert (table["pgd"] <= table["fgsm"]).all()
        assert (table["fgsm"] <= table["noise"]).all()
    own = tiny.figures(results, "robust_accuracy", model="tiny.fer", label_set="fer", eps=0.1)
    assert own.set_index("perturbation").value["pgd"] < 0.2


def test_success_rate_and_robust_accuracy_fit_together(run_folder: Path) -> None:
    results = tiny.results_of(run_folder)
    keys = {"model": "tiny.fer", "label_set": "fer", "perturbation": "pgd", "eps": 0.1}
    robust = tiny.figures(results, "robust_accuracy", **keys).iloc[0]
    success = tiny.figures(results, "attack_success_rate", **keys).iloc[0]
    assert success.n == 32
    assert robust.n == 40
    assert robust.value * 40 == pytest.approx((1 - success.value) * 32)


def test_eps_0_equals_clean_exactly(tmp_path: Path) -> None:
    config = tiny.config(eps=(0.0, 0.1), corruptions=())
    evaluate_run(config, tiny.faces(), tiny.models(), tmp_path, None, tiny.SILENT)
    results = tiny.results_of(tmp_path)
    keys = ["model", "label_set"]
    clean = tiny.figures(results, "accuracy", perturbation="none").set_index(keys).value
    for _, rows in tiny.figures(results, "robust_accuracy", eps=0.0).groupby("perturbation"):
        assert (rows.set_index(keys).value == clean).all()


def test_confusions_sum_to_one(run_folder: Path) -> None:
    results = tiny.results_of(run_folder)
    rows = results[(results.metric == "confusion") & (results.n > 0)]
    keys = ["model", "label_set", "perturbation", "eps", "subset"]
    assert rows.groupby(keys).value.sum().to_numpy() == pytest.approx(1)


def test_no_leak_leaves_out_the_leaked(run_folder: Path) -> None:
    results = tiny.results_of(run_folder)
    row = results[(results.metric == "accuracy") & (results.subset == "no_leak")].iloc[0]
    assert row.n == 35  # 40 less rows 0, 8, 16, 24, 32


def test_the_same_seed_gives_the_same_csv(run_folder: Path, tmp_path: Path) -> None:
    evaluate_run(tiny.config(), tiny.faces(), tiny.models(), tmp_path, None, tiny.SILENT)
    assert (tmp_path / "results.csv").read_bytes() == (run_folder / "results.csv").read_bytes()


def test_one_label_set_is_enough(tmp_path: Path) -> None:
    config = tiny.config(labels=(LabelSet.FER,), corruptions=())
    faces = tiny.without_votes()
    evaluate_run(config, faces, [tiny.classifier()], tmp_path, None, tiny.SILENT)
    assert set(tiny.results_of(tmp_path).label_set) == {"fer"}
    assert "no_leak" not in set(tiny.results_of(tmp_path).subset)


DIES = ("tiny.fer", "tiny.ferplus")
"""A model, and the one on whose images it fails."""


class Dying(Classifier):
    """Answers like the tiny model while its images are not too dark, else NaN."""

    def __init__(self, darkest: float) -> None:
        self._inner, self._darkest = tiny.classifier(), darkest
        self.id, self.scheme, self.weights_sha256 = "dying.fer", self._inner.scheme, "0"

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        dark = images.mean() < self._darkest
        return self._inner.logits(images) + np.float32(np.nan if dark else 0)


def test_a_model_that_dies_of_clean_faces_is_an_error_row(run_folder: Path, tmp_path: Path) -> None:
    told: list[str] = []
    listener = Listener(line=told.append, chunk=lambda *_: None)
    boxes = [*tiny.models(), Dying(darkest=1)]
    records = evaluate_run(tiny.config(), tiny.faces(), boxes, tmp_path, None, listener)
    words = "dying.fer answered NaN or infinity for 40 of 40 images, first in row 0 (counted from "
    words += "0; pixels from 0.0196078 to 0.972549). Correct its scaling or its weights."
    assert told[0] == f"dying.fer: failed on the clean faces: {words}"
    results = tiny.results_of(tmp_path)
    (row,) = results[results.model == "dying.fer"].itertuples()
    assert (row.metric, row.status, row.detail, row.n) == ("accuracy", "error", words, 0)
    rest = results[results.model != "dying.fer"].reset_index(drop=True)
    pd.testing.assert_frame_equal(rest, tiny.results_of(run_folder))
    tiny.write_manifest_of(tmp_path, records, tiny.config(), boxes)
    written = (tmp_path / "results.csv").read_bytes()
    rescore(FinishedRun(tmp_path))
    assert (tmp_path / "results.csv").read_bytes() == written
    board = leaderboards([FinishedRun(tmp_path)])
    assert set(board.model) == {"tiny.fer", "tiny.ferplus"}
    write_report(tmp_path)
    assert words in (tmp_path / "index.html").read_text()


def test_labels_that_are_no_votes_give_no_figure_of_annotators(
    run_folder: Path, tmp_path: Path
) -> None:
    of_votes = {"expected_agreement", "vote_cross_entropy", "soft_ece"}
    of_votes |= {"plausible_flip", "implausible_success_rate"}
    assert of_votes < set(tiny.results_of(run_folder).metric)
    faces = replace(tiny.faces(), fer=None, tagged=False)
    config = tiny.config(labels=(LabelSet.FERPLUS,), corruptions=())
    records = evaluate_run(config, faces, tiny.models(), tmp_path, None, tiny.SILENT)
    results = tiny.results_of(tmp_path)
    assert not of_votes & set(results.metric)
    assert not {"clear", "ambiguous"} & set(results.subset)
    assert {"accuracy", "robust_accuracy", "ece"} < set(results.metric)
    tiny.write_manifest_of(tmp_path, records, config, tiny.models())
    write_report(tmp_path)


def test_a_model_that_dies_of_a_corruption_loses_that_figure_only(tmp_path: Path) -> None:
    run = tiny.config(
        labels=(LabelSet.FER,), attacks=(), severities=(5,), corruptions=("brightness", "low_light")
    )
    dying = Dying(darkest=tiny.faces().images.mean() / 255 - 0.05)
    evaluate_run(run, tiny.faces(), [tiny.classifier(), dying], tmp_path, None, tiny.SILENT)
    results = tiny.results_of(tmp_path)
    own = results[(results.model == "dying.fer") & (results.metric == "accuracy")]
    own = own[own.subset == "all"]
    dark = own[own.perturbation == "low_light"]
    assert list(dark.status) == ["error"] and dark.value.isna().all()
    assert own[own.perturbation == "brightness"].value.notna().all()
    means = results[results.perturbation == "corruptions"]
    assert set(means[means.model == "dying.fer"].status) == {"flagged"}
    assert set(means[means.model == "tiny.fer"].status) == {"ok"}


def test_a_model_that_dies_of_images_made_on_another_keeps_its_own_worst_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all sets only those shown to it are made of other images than its own attacks."""
    original = LogitsCache.logits

    def die(
        self: LogitsCache, classifier: Classifier, made: CorruptedSet | TransferSet
    ) -> np.ndarray:
        if isinstance(made, TransferSet) and (classifier.id, made.header.source) == DIES:
            raise ModelError("it dies")
        return original(self, classifier, made)

    monkeypatch.setattr(LogitsCache, "logits", die)
    run = tiny.config(corruptions=(), transfer=AttackSettings(name="fgsm"))
    evaluate_run(run, tiny.faces(), tiny.models(), tmp_path, None, tiny.SILENT)
    results = tiny.results_of(tmp_path)
    errors = results[results.status == "error"]
    assert set(zip(errors.model, errors.source, strict=True)) == {DIES}
    assert set(errors.metric) == {"transfer_accuracy"}
    worst = results[(results.perturbation == "worst_case") & (results.metric == "robust_accuracy")]
    of_the_other = worst[worst.model == DIES[1]].status.to_numpy()
    np.testing.assert_array_equal(worst[worst.model == DIES[0]].status, of_the_other)


def test_a_model_that_dies_of_larger_logits_keeps_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A class masked by the lowest float32 is answered and attacked; ten times it is infinite."""
    monkeypatch.setattr(linear_head, "_LARGEST", np.inf)  # else it stays finite
    lowest = float(np.finfo(np.float32).min)
    whole = tiny.classifier()
    (logits,) = whole.model.outputs
    masked = keras.layers.Rescaling([1.0] * 6 + [0.0], [0.0] * 6 + [lowest])(logits)
    model = keras.Model(whole.model.inputs, masked)
    masking = wrap(model, Contract(8, 8, 1, FER7), model_id="masking.fer")
    run = tiny.config(corruptions=(), labels=(LabelSet.FER,))
    evaluate_run(run, tiny.faces(), [masking, whole], tmp_path, None, tiny.SILENT)
    checks = read_table(tmp_path / "checks.parquet", CHECK_COLUMNS)
    errors = checks[checks.status == "error"]
    assert set(errors.model) == {"masking.fer"} and "scale invariance" in set(errors.check)
    assert errors.value.isna().all()
    made = checks[(checks.model == "masking.fer") & (checks.check == "unbounded attack")]
    assert set(made.status) == {"ok"}
    results = tiny.results_of(tmp_path)
    worst = results[(results.perturbation == "worst_case") & (results.model == "masking.fer")]
    assert set(worst[worst.metric == "robust_accuracy"].status) == {"flagged"}


def test_no_model_that_answers_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^dying\.fer answered NaN"):
        evaluate_run(tiny.config(), tiny.faces(), [Dying(1)], tmp_path, None, tiny.SILENT)
