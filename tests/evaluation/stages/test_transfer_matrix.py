"""Transfer in a run: its rows, its check, black boxes, resuming and scoring again."""

import shutil
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from attacks.transfer import Transfer
from datasets.labels import FER7, FERPLUS8, LabelSet
from evaluation.checks.sibling import sibling_checks
from evaluation.config import AttackSettings
from evaluation.figures.score_run import rescore
from evaluation.figures.transfer import transfer_figures
from evaluation.results.files import read_table
from evaluation.results.run import FinishedRun
from evaluation.results.schema import CHECK_COLUMNS, TRANSFER_COLUMNS
from evaluation.stages import transfer_matrix
from evaluation.stages.pipeline import evaluate_run
from evaluation.stages.transfer_matrix import MOST_SOURCES, surrogates
from evaluation.statistics.intervals import proportion
from fer_models.classifier import Classifier
from fer_models.contract import Contract
from fer_models.defences.registry import defended, parse_defences
from fer_models.keras_classifier import wrap
from tests.evaluation import tiny
from tests.evaluation.held_rows import HeldRows

SETTINGS = AttackSettings.model_validate({"name": "transfer", "steps": 3})
CONFIG = tiny.config(
    corruptions=(),
    attacks=(AttackSettings.model_validate({"name": "pgd", "steps": 5}),),
    transfer=SETTINGS,
)
METRICS = ("transfer_accuracy", "transfer_success_rate")


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_run(tmp_path_factory.mktemp("transfer"), CONFIG)


def cells(results: pd.DataFrame) -> pd.DataFrame:
    rows = results[results.metric.isin(METRICS)]
    return rows.pivot(
        index=["label_set", "source", "model"], columns="metric", values=["value", "n"]
    )


def test_every_model_is_shown_what_was_made_on_every_model(run_folder: Path) -> None:
    run, faces = FinishedRun(run_folder), tiny.faces()
    table = cells(run.results)
    ids = ["tiny.fer", "tiny.ferplus"]
    assert len(table) == 8  # two label sets, two sources, two models
    rows = run.results[run.results.metric.isin(METRICS)]
    assert set(rows.eps) == {0.02}  # 4/255 is 0.0157, and the grid starts above
    assert set(rows.perturbation) == {"transfer"} and set(rows.subset) == {"all"}
    assert (rows.label_set == rows.attacked_labels).all()
    contempt = int((faces.labels(LabelSet.FERPLUS).values == 7).sum())
    for source in ids:
        for model in ids:
            n = table["n"]["transfer_accuracy"]["ferplus", source, model]
            assert n == 40 - (contempt if "tiny.fer" in (source, model) else 0)
    success = table["value"]["transfer_success_rate"]
    for model in ids:
        assert success["fer", model, model] > success["fer", ids[1 - ids.index(model)], model]
    shown = run.transfer
    own = shown[(shown.source == "tiny.fer") & (shown.model == "tiny.fer")]
    own = own[own.attacked_labels == "fer"]
    right = own.clean_prediction == own.label
    fell = right & (own.prediction != own.label)
    assert success["fer", "tiny.fer", "tiny.fer"] == pytest.approx(fell.sum() / right.sum())
    kept = table["value"]["transfer_accuracy"]["fer", "tiny.fer", "tiny.fer"]
    assert kept == pytest.approx((right & ~fell).sum() / 40)


def test_figures_by_hand() -> None:
    shown = pd.DataFrame(
        {
            "row": range(4), "source": "a", "model": "b", "attacked_labels": "fer",
            "perturbation": "transfer", "norm": "linf", "eps": 0.1, "label": [0, 1, 2, 3],
            "clean_prediction": [0, 1, 2, 0],
            "prediction": [0, 2, 1, 3],  # the last is right by luck, after it was wrong
        }
    ).astype(TRANSFER_COLUMNS)  # fmt: skip
    alone = pd.Series(range(4))
    rows = transfer_figures([shown], alone, "PublicTest", 0).set_index("metric")
    assert rows.value["transfer_accuracy"] == pytest.approx(1 / 4)
    assert rows.value["transfer_success_rate"] == pytest.approx(2 / 3)
    assert rows.n.tolist() == [4, 3]
    # of the first two images one is a copy: 3 of 4 right before, worth 3^2 / (4 + 1) images
    twins = transfer_figures([shown], alone.replace(1, 0), "PublicTest", 0).set_index("metric")
    assert (twins.value == rows.value).all() and (twins.n == rows.n).all()
    worth = {"transfer_accuracy": (1, 4, 16 / 6), "transfer_success_rate": (2, 3, 9 / 5)}
    for metric, (count, n, effective) in worth.items():
        expected = proportion(count, n, effective=effective)
        assert (twins.ci_low[metric], twins.ci_high[metric]) == pytest.approx(expected[1:3])
        assert twins.ci_high[metric] - twins.ci_low[metric] > (rows.ci_high - rows.ci_low)[metric]


def test_a_killed_run_goes_on_to_the_same_results(run_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(run_folder, folder)
    (lost,) = folder.glob("sets/tiny.ferplus-fer-transfer-linf-shown-*")
    shutil.rmtree(lost)
    for name in ("results.csv", "transfer.parquet", "checks.parquet"):
        (folder / name).unlink()
    records = evaluate_run(CONFIG, tiny.faces(), tiny.models(), folder, None, tiny.SILENT)
    for name in ("results.csv", "transfer.parquet", "checks.parquet"):
        assert (folder / name).read_bytes() == (run_folder / name).read_bytes()
    shown = [record for record in records if record.get("shown")]
    assert [record["reused_chunks"] for record in shown].count(0) == 1 and len(shown) == 4


def test_scoring_again_gives_the_same_bytes(run_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(run_folder, folder)
    (folder / "results.csv").unlink()
    rescore(FinishedRun(folder))
    assert (folder / "results.csv").read_bytes() == (run_folder / "results.csv").read_bytes()


def test_runs_from_before_transfer_are_scored_again_without_it(
    run_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(run_folder, folder)
    (folder / "transfer.parquet").unlink()
    rescore(FinishedRun(folder))
    assert not FinishedRun(folder).results.metric.isin(METRICS).any()


def test_one_model_alone_is_shown_nothing(tmp_path: Path) -> None:
    evaluate_run(CONFIG, tiny.faces(), tiny.models()[:1], tmp_path, None, tiny.SILENT)
    assert read_table(tmp_path / "transfer.parquet", TRANSFER_COLUMNS).empty


def test_a_dying_transfer_is_an_error_row_and_flags_no_worst_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(Transfer, "_attack", die)
    results = FinishedRun(tiny.write_run(tmp_path, CONFIG)).results
    errors = results[results.status == "error"]
    assert set(errors.metric) == {"transfer_accuracy"} and len(errors) == 4
    assert errors.detail.str.contains("out of luck").all() and (errors.eps == 0.02).all()
    worst = results[(results.perturbation == "worst_case") & (results.metric == "robust_accuracy")]
    assert "error" not in set(worst.status)


class BlackBox(Classifier):
    """The answers of a tiny net."""

    def __init__(self) -> None:
        self._inner = tiny.classifier(seed=0)
        self.id, self.scheme, self.weights_sha256 = "box.onnx", self._inner.scheme, "0"

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return self._inner.logits(images)


def test_a_black_box_is_attacked_through_the_others(tmp_path: Path) -> None:
    box = AttackSettings.model_validate({"name": "transfer", "steps": 3, "black_boxes_only": True})
    config = CONFIG.model_copy(
        update={"labels": (LabelSet.FER,), "attacks": (AttackSettings(name="noise"), box)}
    )
    classifiers = [tiny.classifier(FERPLUS8, "plus", 1), tiny.classifier(), BlackBox()]
    records = evaluate_run(config, tiny.faces(), classifiers, tmp_path, None, tiny.SILENT)
    made = [record for record in records if "sources" in record]
    assert [record["model"] for record in made] == ["box.onnx"]
    assert made[0]["sources"] == ["tiny.fer", "plus"]  # its own classes first
    assert made[0]["sources_sha256"] == [classifiers[place].weights_sha256 for place in (1, 0)]
    assert made[0]["status"] == "ok" and made[0]["backward"] > 0
    rows = FinishedRun(tmp_path).per_image
    rows = rows[(rows.model == "box.onnx") & (rows.perturbation == "transfer")]
    assert set(rows.source) == {"tiny.fer,plus"}
    broken = rows[rows.smallest_eps > 0]
    assert len(broken) > 10 and (broken.prediction != broken.label).all()
    checks = read_table(tmp_path / "checks.parquet", CHECK_COLUMNS)
    beats = checks[checks.check.str.contains("transfer beats")]
    assert beats.empty  # it is no white-box attack that others may not beat
    transfer = read_table(tmp_path / "transfer.parquet", TRANSFER_COLUMNS)
    assert set(transfer.source) == {"tiny.fer", "plus"}
    assert set(transfer.model) == {"tiny.fer", "plus", "box.onnx"}


def test_surrogates_are_others_that_give_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    box = defended(tiny.classifier(), parse_defences(["jpeg75"]))
    nets = [tiny.classifier(model_id=f"net{i}", seed=i + 1) for i in range(6)]
    found = surrogates(box, [tiny.classifier(), *nets, BlackBox()])
    assert [net.id for net in found] == [f"net{i}" for i in range(MOST_SOURCES)]
    shipped = {"simple_cnn.fer": tiny.classifier(), "simple_cnn.ferplus": None, "hog_svm.fer": None}
    monkeypatch.setattr(transfer_matrix, "model_ids", lambda: list(shipped))
    monkeypatch.setattr(transfer_matrix, "load", shipped.__getitem__)
    assert surrogates(box, [tiny.classifier(), box]) == [shipped["simple_cnn.fer"]]


def test_models_with_a_plus_in_their_names_are_surrogates_of_each_other() -> None:
    box, net = BlackBox(), tiny.classifier(model_id="mine+b.onnx")
    box.id = "mine+a.onnx"
    assert surrogates(box, [box, net]) == [net]


def misleading() -> Classifier:
    """The tiny net with the same answers and gradients that point downhill."""
    model = tiny.classifier().model
    pixels = model.inputs[0]
    turned = keras.layers.Lambda(lambda x: keras.ops.stop_gradient(2 * x) - x)(pixels)
    contract = Contract(8, 8, 1, FER7)
    return wrap(keras.Model(pixels, model(turned)), contract, model_id="misleading")


def test_a_transfer_that_beats_white_box_attacks_is_flagged(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"labels": (LabelSet.FER,)})
    models = [tiny.classifier(), misleading()]
    evaluate_run(config, tiny.faces(), models, tmp_path, None, tiny.SILENT)
    checks = read_table(tmp_path / "checks.parquet", CHECK_COLUMNS)
    found = checks[checks.rule == "R13"].set_index("model")
    assert dict(found.status) == {"tiny.fer": "ok", "misleading": "flagged"}
    assert "made on tiny.fer leave" in found.message["misleading"]


def test_transfer_is_held_against_gradients_on_the_same_faces() -> None:
    """Gradients left face 0, the one they saw; a sibling's image broke it. Noise does not count."""
    own = {"model": "net.fer", "source": "net.fer", "attacked_labels": "fer"}
    rows = [
        own | {"perturbation": "pgd", "row": 0, "smallest_eps": np.nan},
        *(own | {"perturbation": "noise", "row": row, "smallest_eps": 0.1} for row in range(3)),
    ]
    shown = {"attacked_labels": "fer", "eps": 0.1, "label": 3, "clean_prediction": 3}
    transfers = [
        pd.DataFrame(
            shown
            | {"model": "net.fer", "source": source, "row": row, "prediction": 4 if row < 2 else 3}
            for row in range(3)
        )
        for source in ("net.fer", "sibling.fer")
    ]
    (found,) = sibling_checks(transfers, HeldRows(pd.DataFrame(rows)))
    assert (found["status"], found["value"]) == ("flagged", 1.0)


def test_models_that_share_weights_have_their_own_figures(tmp_path: Path) -> None:
    """Two functions of a module, whose file is all that a hash sees, answer differently."""
    run = CONFIG.model_copy(update={"corruptions": ("gaussian_noise",)})
    other = tiny.classifier(seed=1, model_id="other.fer")

    def tables(name: str) -> list[pd.DataFrame]:
        models = [tiny.classifier(), other]
        records = evaluate_run(run, tiny.faces(), models, tmp_path / name, None, tiny.SILENT)
        tiny.write_manifest_of(tmp_path / name, records, run, models)
        finished = FinishedRun(tmp_path / name)
        return [finished.results, finished.transfer]

    apart = tables("apart")
    other.weights_sha256 = tiny.classifier().weights_sha256
    for found, expected in zip(tables("shared"), apart, strict=True):
        pd.testing.assert_frame_equal(found, expected)
