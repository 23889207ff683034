"""Models that only answer, in a run: what attacks them, and how their figures are described."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from attacks.threat_model import Norm
from attacks.transfer import Transfer
from datasets.labels import LabelSet
from evaluation.config import AttackSettings
from evaluation.listener import Listener
from evaluation.results.files import read_arrays, read_table
from evaluation.results.schema import CHECK_COLUMNS, GALLERY_ARRAYS
from evaluation.stages import black_boxes
from evaluation.stages.pipeline import evaluate_run
from fer_models.classifier import Classifier
from tests.evaluation import tiny


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
    rows = tiny.figures(tiny.results_of(folder), "robust_accuracy", model="box.onnx", eps=0.1)
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
    worst = tiny.figures(tiny.results_of(folder), "robust_accuracy", perturbation="worst_case")
    assert set(worst[worst.model == "box.onnx"].status) == {"flagged"}
    assert set(worst[worst.model == "tiny.fer"].status) == {"ok"}
    checks = read_table(folder / "checks.parquet", CHECK_COLUMNS)
    (message,) = checks[checks.check == "white-box attack possible"].message
    assert "upper bound" in message
    assert message.endswith("Queries attacked only the first 30 of 40 faces.")
    shown = read_arrays(folder / "gallery.npz", GALLERY_ARRAYS)
    assert set(shown["perturbation"][shown["model"] == "box.onnx"]) == {"square"}


@pytest.mark.parametrize(
    ("norm", "attacks", "words"),
    [
        (
            Norm.LINF,
            [SQUARE, {"name": "transfer"}],
            "by queries and by transfer from other models.",
        ),
        (Norm.L2, [{"name": "boundary"}], "by queries."),
        (Norm.L1, [SQUARE, {"name": "noise"}, {"name": "transfer"}], "with noise only."),
    ],
)
def test_a_black_box_is_said_to_be_attacked_as_it_was(
    norm: Norm, attacks: list[dict], words: str
) -> None:
    settings = tuple(AttackSettings.model_validate(attack) for attack in attacks)
    run = tiny.config(norm=norm, attacks=settings, labels=(LabelSet.FER,))
    (found,) = black_boxes.black_box_checks(BlackBox(), run, 40)
    assert f"attacked {words} Its robust accuracy" in found["message"]
    assert ("only the first 30 of 40 faces" in found["message"]) == (norm == Norm.LINF)


def test_the_check_says_why_an_onnx_model_is_a_black_box() -> None:
    box = BlackBox()
    box.no_gradients = "Round of opset 21 is not known"
    (found,) = black_boxes.black_box_checks(box, tiny.config(labels=(LabelSet.FER,)), 40)
    expected = "The model gives no gradients (Round of opset 21 is not known), so it was attacked"
    assert found["message"].startswith(expected)


def test_images_for_black_boxes_are_made_once_and_a_killed_run_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tiny.rows_attacked(monkeypatch, Transfer, "_climb")
    boxes = [tiny.classifier(), BlackBox(), BlackBox()]
    boxes[2].id = "other.onnx"
    attacks = (AttackSettings(name="transfer", black_boxes_only=True),)
    config = tiny.config(attacks=attacks, corruptions=(), transfer=None)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    evaluate_run(config, tiny.faces(), boxes, whole, None, tiny.SILENT)
    robust = tiny.figures(tiny.results_of(whole), "robust_accuracy", perturbation="transfer")
    by_box = [robust[robust.model == box.id].value.to_numpy() for box in boxes[1:]]
    np.testing.assert_array_equal(*by_box)  # the same answers to the same images
    once = len(asked)
    evaluate_run(config, tiny.faces(), boxes[:2], tmp_path / "one", None, tiny.SILENT)
    assert 0 < len(asked) - once == once
    shutil.copytree(whole, killed)
    shutil.rmtree(next(killed.glob("sets/other.onnx-fer-transfer*")))
    (killed / "results.csv").unlink()
    evaluate_run(config, tiny.faces(), boxes, killed, None, tiny.SILENT)
    assert len(asked) == 2 * once
    assert (killed / "results.csv").read_bytes() == (whole / "results.csv").read_bytes()


def test_random_and_slow_models_are_warned_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evaluation.stages.pipeline.seconds_per_face", lambda *_: 0.5)
    lines: list[str] = []
    settings = AttackSettings.model_validate({**SQUARE, "queries": 180})
    config = tiny.config(labels=(LabelSet.FER,), corruptions=(), attacks=(settings,))
    listener = Listener(lines.append, lambda *_: None)
    evaluate_run(config, tiny.faces(), [BlackBox(noise=0.2)], tmp_path, None, listener)
    assert "box.onnx: The same image gets different logits" in lines[0]
    # 30 faces x 2 eps x 180 queries = 10,800 answers at half a second: 5,400 s
    assert "classifies 2 faces per second" in lines[1]
    assert "Square makes up to 10,800 queries: up to 2 hours" in lines[1]


def test_a_fast_model_is_not_warned_about() -> None:
    assert black_boxes.slowness(BlackBox(), 0.001, 10_000) == ""
    assert 0 < black_boxes.seconds_per_face(BlackBox(), np.zeros((3, 8, 8, 1), np.float32)) < 1
