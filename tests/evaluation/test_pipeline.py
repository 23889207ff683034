"""A whole run on tiny faces: its files, its figures, resuming, and attacks that die."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from attacks.fgsm import FGSM
from attacks.threat_model import Norm
from datasets.errors import InputError
from datasets.faceset import FaceSet
from datasets.labels import LabelScheme, LabelSet
from evaluation import black_boxes, pipeline
from evaluation.config import AttackSettings
from evaluation.pipeline import Listener, evaluate_run, plan
from evaluation.results import (
    CHECK_COLUMNS,
    COMPARISON_COLUMNS,
    GALLERY_ARRAYS,
    PER_IMAGE_COLUMNS,
    RESULT_COLUMNS,
    read_arrays,
    read_table,
)
from fer_models.classifier import Classifier
from tests.evaluation import tiny


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    evaluate_run(tiny.config(), tiny.faces(), tiny.models(), folder, None, tiny.SILENT)
    return folder


def results_of(folder: Path) -> pd.DataFrame:
    return read_table(folder / "results.parquet", RESULT_COLUMNS)


def figures(results: pd.DataFrame, metric: str, **columns: object) -> pd.DataFrame:
    """Rows over all images; label transfer left out."""
    """Rows of a metric over all images, scored under the labels that were attacked."""
    rows = results[(results.metric == metric) & (results.subset == "all")]
    rows = rows[rows.attacked_labels.isin([""]) | (rows.attacked_labels == rows.label_set)]
    rows = rows[(rows.attacked_labels == "") | (rows.attacked_labels == rows.label_set)]
    for name, value in columns.items():
        rows = rows[rows[name] == value]
    return rows


def test_every_file_has_its_columns(run_folder: Path) -> None:
    for name, columns in (
        ("per_image", PER_IMAGE_COLUMNS),
        ("results", RESULT_COLUMNS),
        ("checks", CHECK_COLUMNS),
        ("comparisons", COMPARISON_COLUMNS),
    ):
        assert len(read_table(run_folder / f"{name}.parquet", columns))
    csv = pd.read_csv(run_folder / "results.csv", keep_default_na=False)
    assert list(csv.columns) == list(RESULT_COLUMNS)
    assert len(csv) == len(results_of(run_folder))


def test_clean_accuracy_is_that_of_the_model(run_folder: Path) -> None:
    faces, model = tiny.faces(), tiny.classifier()
    expected = (model.predict(faces.images.astype(np.float32) / 255) == faces.fer).mean()
    row = figures(results_of(run_folder), "accuracy", model="tiny.fer", label_set="fer")
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
    rows = figures(results_of(run_folder), "accuracy", perturbation="none")
    sizes = rows.set_index(["model", "label_set"]).n
    assert sizes["tiny.fer", "ferplus"] == 40 - contempt
    assert sizes["tiny.ferplus", "ferplus"] == 40
    assert sizes["tiny.ferplus", "fer"] == 40


def test_robust_accuracy_falls_with_eps_and_worst_case_is_the_lowest(run_folder: Path) -> None:
    results = results_of(run_folder)
    for (_, _), rows in figures(results, "robust_accuracy").groupby(["model", "label_set"]):
        table = rows.pivot(index="eps", columns="perturbation", values="value")
        assert (table.loc[0.1] <= table.loc[0.02]).all()
        assert (table["worst_case"] <= table.drop(columns="worst_case").min(axis=1) + 1e-12).all()
        assert (table["pgd"] <= table["fgsm"]).all()
        assert (table["fgsm"] <= table["noise"]).all()
    own = figures(results, "robust_accuracy", model="tiny.fer", label_set="fer", eps=0.1)
    assert own.set_index("perturbation").value["pgd"] < 0.2


def test_success_rate_and_robust_accuracy_fit_together(run_folder: Path) -> None:
    results = results_of(run_folder)
    keys = {"model": "tiny.fer", "label_set": "fer", "perturbation": "pgd", "eps": 0.1}
    robust = figures(results, "robust_accuracy", **keys).iloc[0]
    success = figures(results, "attack_success_rate", **keys).iloc[0]
    assert success.n == 32
    assert robust.n == 40
    assert robust.value * 40 == pytest.approx((1 - success.value) * 32)


def test_eps_0_equals_clean_exactly(tmp_path: Path) -> None:
    config = tiny.config(eps=(0.0, 0.1), corruptions=())
    evaluate_run(config, tiny.faces(), tiny.models(), tmp_path, None, tiny.SILENT)
    results = results_of(tmp_path)
    keys = ["model", "label_set"]
    clean = figures(results, "accuracy", perturbation="none").set_index(keys).value
    for _, rows in figures(results, "robust_accuracy", eps=0.0).groupby("perturbation"):
        assert (rows.set_index(keys).value == clean).all()


def test_confusions_sum_to_one(run_folder: Path) -> None:
    results = results_of(run_folder)
    rows = results[(results.metric == "confusion") & (results.n > 0)]
    keys = ["model", "label_set", "perturbation", "eps", "subset"]
    assert rows.groupby(keys).value.sum().to_numpy() == pytest.approx(1)


def test_no_leak_leaves_out_the_leaked(run_folder: Path) -> None:
    results = results_of(run_folder)
    row = results[(results.metric == "accuracy") & (results.subset == "no_leak")].iloc[0]
    assert row.n == 35  # 40 less rows 0, 8, 16, 24, 32


def test_the_same_seed_gives_the_same_csv(run_folder: Path, tmp_path: Path) -> None:
    evaluate_run(tiny.config(), tiny.faces(), tiny.models(), tmp_path, None, tiny.SILENT)
    assert (tmp_path / "results.csv").read_bytes() == (run_folder / "results.csv").read_bytes()


def test_finished_sets_are_reused_and_lost_ones_made_again(
    run_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(run_folder, folder)
    lost = next(folder.glob("sets/tiny.fer-fer-pgd*"))
    shutil.rmtree(lost)
    (folder / "results.csv").unlink()
    lines: list[str] = []
    listener = Listener(line=lines.append, chunk=lambda *_: None)
    records = evaluate_run(tiny.config(), tiny.faces(), tiny.models(), folder, None, listener)
    assert (folder / "results.csv").read_bytes() == (run_folder / "results.csv").read_bytes()
    reused = [record["reused_chunks"] for record in records]
    assert reused.count(0) == 1
    assert sum("chunks reused" in line for line in lines) >= len(records) - 1


def test_sets_made_elsewhere_are_taken_back(run_folder: Path, tmp_path: Path) -> None:
    given = run_folder / "sets"
    evaluate_run(tiny.config(), tiny.faces(), tiny.models(), tmp_path, given, tiny.SILENT)
    assert not (tmp_path / "sets").exists()
    assert (tmp_path / "results.csv").read_bytes() == (run_folder / "results.csv").read_bytes()


def test_a_dying_attack_is_an_error_row_and_loses_nothing(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(FGSM, "_attack", die)
    records = evaluate_run(tiny.config(), tiny.faces(), tiny.models(), tmp_path, None, tiny.SILENT)
    failed = [record for record in records if record["status"] == "error"]
    assert {record["perturbation"] for record in failed} == {"fgsm"}
    results = results_of(tmp_path)
    errors = results[results.status == "error"]
    assert len(errors) == 4  # two models, two label sets
    assert errors.value.isna().all()
    assert (errors.n == 0).all()
    assert errors.detail.str.contains("RuntimeError: out of luck").all()
    worst = figures(results, "robust_accuracy", perturbation="worst_case")
    assert (worst.status == "flagged").all()
    good = figures(results_of(run_folder), "robust_accuracy", perturbation="pgd")
    still = figures(results, "robust_accuracy", perturbation="pgd")
    np.testing.assert_array_equal(good.value, still.value)


def test_a_net_that_cannot_be_explained_keeps_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise RuntimeError("an odd graph")

    monkeypatch.setattr(pipeline, "explain", die)
    told: list[str] = []
    listener = Listener(line=told.append, chunk=lambda *_: None)
    run = tiny.config(corruptions=(), eps=(0.1,), labels=(LabelSet.FER,))
    evaluate_run(run, tiny.faces(), tiny.models()[:1], tmp_path, None, listener)
    assert "tiny.fer: no Grad-CAM, RuntimeError" in told
    assert not (results_of(tmp_path).metric == "median_cam_shift").any()
    assert read_arrays(tmp_path / "gallery.npz", GALLERY_ARRAYS)["clean_cam"].max() == 0


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
    lines = read_table(run_folder / "per_image.parquet", PER_IMAGE_COLUMNS)
    attacked = lines[lines.attacked_labels != ""]
    moved = attacked.smallest_eps > 0
    assert moved.any() and attacked.loc[~moved, ["linf", "l2", "l1", "distance"]].isna().all(
        axis=None
    )
    broken = attacked[moved]
    np.testing.assert_array_equal(broken.linf, broken.distance)
    # of 64 pixels: the largest is at most the root of the sum of squares, that at most the sum
    assert ((broken.linf <= broken.l2) & (broken.l2 <= broken.l1)).all()
    assert (broken.l1 <= 64 * broken.linf * (1 + 1e-9)).all()
    known = lines[lines.cam_shift.notna()]
    own = known.model.str.split(".").str[1]
    assert set(known.perturbation) == {"pgd"} and (known.attacked_labels == own).all()
    assert known.cam_shift.between(0, 1).all() and (known.smallest_eps > 0).all()
    assert read_arrays(run_folder / "gallery.npz", GALLERY_ARRAYS)["attacked_cam"].max() == 255
    results = results_of(run_folder)
    assert len(results[results.metric == "median_cam_shift"]) == 2 * 2  # models and eps


def without_votes(faces: FaceSet) -> FaceSet:
    return FaceSet(faces.name, faces.split, faces.images, faces.row_ids, fer=faces.fer)


@pytest.mark.parametrize(
    ("make_faces", "scheme", "words"),
    [
        (lambda: without_votes(tiny.faces()), None, "no ferplus labels. Give --votes"),
        (tiny.faces, LabelScheme("digits", tuple("0123456789")), "must be those of fer or ferplus"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    make_faces: Callable[[], FaceSet], scheme: LabelScheme | None, words: str
) -> None:
    model = tiny.classifier(scheme) if scheme else tiny.classifier()
    with pytest.raises(InputError, match=words):
        plan(tiny.config(), make_faces(), [model])


class BlackBox(Classifier):
    """The tiny model's answers, without its gradients."""

    def __init__(self, noise: float = 0.0) -> None:
        self._inner, self._noise = tiny.classifier(), noise
        self.id, self.scheme, self.weights_sha256 = "box.onnx", self._inner.scheme, "0"

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        logits = self._inner.logits(images)
        draws = np.random.default_rng().normal(0, 1, logits.shape)
        return (logits + self._noise * draws).astype(np.float32)


SQUARE = {"name": "square", "queries": 40, "limit": 30, "black_boxes_only": True}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict], list[str]]:
    """A run of a white and a black box: its folder, its records, what it said."""
    config, lines = tiny.config(labels=(LabelSet.FER,)), list[str]()
    square = AttackSettings.model_validate(SQUARE)
    config = config.model_copy(update={"attacks": (*config.attacks, square)})
    folder, listener = tmp_path_factory.mktemp("mixed"), Listener(lines.append, lambda *_: None)
    boxes = [tiny.classifier(), BlackBox()]
    return folder, evaluate_run(config, tiny.faces(), boxes, folder, None, listener), lines


def test_a_black_box_is_searched_and_what_needs_gradients_is_not_applicable(
    mixed: tuple[Path, list[dict], list[str]],
) -> None:
    folder, records, lines = mixed
    status = {(record["model"], record["perturbation"]): record["status"] for record in records}
    assert status == {
        ("", "gaussian_noise"): "ok",
        ("tiny.fer", "noise"): "ok",
        ("tiny.fer", "fgsm"): "ok",
        ("tiny.fer", "pgd"): "ok",
        ("box.onnx", "noise"): "ok",
        ("box.onnx", "fgsm"): "not applicable",
        ("box.onnx", "pgd"): "not applicable",
        ("box.onnx", "square"): "ok",
    }
    assert "box.onnx-fer-pgd-linf: not applicable, the model gives no gradients" in lines
    rows = figures(results_of(folder), "robust_accuracy", model="box.onnx", eps=0.1)
    rows = rows.set_index("perturbation")
    assert rows.status["pgd"] == "not applicable"
    assert np.isnan(rows.value["pgd"])
    assert rows.n["pgd"] == 0
    assert rows.n["square"] == 30  # the first 30 of the 40
    assert rows.value["worst_case"] < rows.value["noise"]


def test_a_black_boxs_worst_case_is_flagged_as_an_upper_bound(
    mixed: tuple[Path, list[dict], list[str]],
) -> None:
    folder, _, _ = mixed
    worst = figures(results_of(folder), "robust_accuracy", perturbation="worst_case")
    assert set(worst[worst.model == "box.onnx"].status) == {"flagged"}
    assert set(worst[worst.model == "tiny.fer"].status) == {"ok"}
    checks = read_table(folder / "checks.parquet", CHECK_COLUMNS)
    (message,) = checks[checks.check == "white-box attack possible"].message
    assert "upper bound" in message
    shown = read_arrays(folder / "gallery.npz", GALLERY_ARRAYS)
    assert set(shown["perturbation"][shown["model"] == "box.onnx"]) == {"square"}


def test_random_and_slow_models_are_warned_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(black_boxes, "seconds_per_face", lambda *_: 0.5)
    monkeypatch.setattr("evaluation.pipeline.seconds_per_face", lambda *_: 0.5)
    lines: list[str] = []
    settings = AttackSettings.model_validate({**SQUARE, "queries": 180})
    config = tiny.config(labels=(LabelSet.FER,), corruptions=(), attacks=(settings,))
    listener = Listener(lines.append, lambda *_: None)
    evaluate_run(config, tiny.faces(), [BlackBox(noise=0.2)], tmp_path, None, listener)
    assert "box.onnx: The same image gets different logits" in lines[0]
    # 30 faces x 2 eps x 180 queries = 10,800 answers at half a second: 5,400 s
    assert "answers 2 faces a second" in lines[1]
    assert "up to 10,800 times: up to 2 hours" in lines[1]


def test_a_fast_model_is_not_warned_about() -> None:
    assert black_boxes.slowness(BlackBox(), 0.001, 10_000) == ""
    assert 0 < black_boxes.seconds_per_face(BlackBox(), np.zeros((3, 8, 8, 1), np.float32)) < 1


def test_under_l1_attacks_that_know_it_run_and_the_others_are_named(tmp_path: Path) -> None:
    apgd = AttackSettings.model_validate({"name": "apgd", "steps": 10})
    attacks = (AttackSettings(name="noise"), AttackSettings(name="fgsm"), apgd)
    config = tiny.config(
        labels=(LabelSet.FER,), corruptions=(), norm=Norm.L1, eps=(1.0, 5.0), attacks=attacks
    )
    lines: list[str] = []
    listener = Listener(lines.append, lambda *_: None)
    evaluate_run(config, tiny.faces(), [tiny.classifier()], tmp_path, None, listener)
    assert "left out, knowing no l1: fgsm" in lines
    rows = figures(results_of(tmp_path), "robust_accuracy", eps=5.0).set_index("perturbation")
    assert set(rows.index) == {"noise", "apgd", "worst_case"}
    assert rows.value["apgd"] < rows.value["noise"]
    checks = read_table(tmp_path / "checks.parquet", CHECK_COLUMNS)
    assert dict(checks.set_index("rule").status)["R4"] == "ok"
    alone = config.model_copy(update={"attacks": attacks[1:2]})
    with pytest.raises(InputError, match="no attack of tier smoke knows norm l1"):
        plan(alone, tiny.faces(), [tiny.classifier()])


def test_one_label_set_is_enough(tmp_path: Path) -> None:
    config = tiny.config(labels=(LabelSet.FER,), corruptions=())
    faces = without_votes(tiny.faces())
    evaluate_run(config, faces, [tiny.classifier()], tmp_path, None, tiny.SILENT)
    assert set(results_of(tmp_path).label_set) == {"fer"}
    assert "no_leak" not in set(results_of(tmp_path).subset)


def test_a_model_that_answers_nan_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny.classifier()
    monkeypatch.setattr(model, "_batch_logits", lambda x: np.full((len(x), 7), np.nan, np.float32))
    with pytest.raises(InputError, match=r"tiny\.fer answered NaN .*Leave it out of --models"):
        evaluate_run(tiny.config(), tiny.faces(), [model], tmp_path, None, tiny.SILENT)
