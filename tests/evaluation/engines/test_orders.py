"""Runs whose cells an engine computes, in any order: the same tables as without one."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from attacks.fgsm import FGSM
from attacks.sets.store import open_set
from datasets.base.errors import InputError
from datasets.faceset import FaceSet
from datasets.image_source import ImageSource
from evaluation.config import AttackSettings, RunConfig
from evaluation.engines import orders
from evaluation.engines.orders import AnswerOrder
from evaluation.stages.pipeline import evaluate_run
from fer_models.classifier import BATCH_SIZE
from fer_models.keras_classifier import KerasClassifier
from tests.evaluation import tiny
from tests.evaluation.engines.shuffled import Shuffled

PGD = AttackSettings.model_validate({"name": "pgd", "steps": 3})
CONFIG = tiny.config(eps=(0.02, 0.1), transfer=PGD, attacks=(AttackSettings(name="fgsm"), PGD))
PROBED = [
    f"{rule} {model}-pgd-linf"
    for rule in ("R10", "R14", "R4", "R6", "R6")  # R6 at two eps
    for model in ("tiny.fer-fer", "tiny.ferplus-ferplus")
]
ON_ALL = {
    f"{model} on {source}"
    for model in ("tiny.fer", "tiny.ferplus")
    for source in ("gaussian_noise", "tiny.fer pgd", "tiny.ferplus pgd")
}


@cache
def faces() -> FaceSet:
    """Three chunks."""
    return tiny.faces(230)


def measured(folder: Path, engine: Shuffled | None = None, config: RunConfig = CONFIG) -> Path:
    evaluate_run(config, faces(), tiny.models(), folder, None, tiny.SILENT, engine)
    return folder


def shuffled(seed: int = 0) -> Shuffled:
    return Shuffled(faces().images, tiny.models(), seed)


NONE = np.empty((0, 8, 8, 1), np.float32)


def answers(
    name: str,
    model: str,
    images: np.ndarray = NONE,
    found: list[np.ndarray] | None = None,
) -> AnswerOrder:
    keep = ([] if found is None else found).append
    return AnswerOrder(name=name, model=model, images=images, missing=lambda: True, answered=keep)


def csv(folder: Path) -> bytes:
    return (folder / "results.csv").read_bytes()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return measured(tmp_path_factory.mktemp("local"))


def test_cells_in_any_order_end_in_the_same_bytes(local: Path, tmp_path: Path) -> None:
    engine = shuffled()
    records = evaluate_run(CONFIG, faces(), tiny.models(), tmp_path, None, tiny.SILENT, engine)
    assert csv(tmp_path) == csv(local)
    names = [
        sorted(path.name for path in (folder / "sets").iterdir()) for folder in (local, tmp_path)
    ]
    assert names[0] == names[1] and len(names[0]) == 1 + 2 * 2 * 2 + 2 * 2
    assert sum(name in ON_ALL for name in engine.done) == 2 * (1 + 4)  # models, sets for all
    assert sorted(name for name in engine.done if name in PROBED) == sorted(PROBED)
    assert len(engine.done) == 3 * len(names[0]) + 2 * (1 + 4) + len(PROBED)  # every chunk
    for table in ("checks", "transfer"):
        one, two = (pd.read_parquet(folder / f"{table}.parquet") for folder in (local, tmp_path))
        pd.testing.assert_frame_equal(one, two)
    for name in names[0]:
        one, two = (open_set(folder / "sets" / name) for folder in (local, tmp_path))
        for array in vars(one):
            if array not in ("header", "seconds"):
                np.testing.assert_array_equal(getattr(one, array), getattr(two, array))
    assert {entry["reused_chunks"] for entry in records} == {0}  # made, if not by this process
    engine.done.clear()
    measured(tmp_path, engine)
    assert sorted(engine.done) == sorted(PROBED) and csv(tmp_path) == csv(local)


def test_a_run_that_was_interrupted_continues_with_or_without_an_engine(
    local: Path, tmp_path: Path
) -> None:
    engine = shuffled(1)
    engine.stops_after = 7
    with pytest.raises(KeyboardInterrupt):
        measured(tmp_path, engine)
    assert len([*tmp_path.glob("sets/*/chunk-*.npz")]) == 7
    engine.stops_after = 20
    with pytest.raises(KeyboardInterrupt):
        measured(tmp_path, engine)
    assert csv(measured(tmp_path)) == csv(local)


@pytest.mark.slow
def test_an_attack_that_fails_is_the_same_error_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attack = FGSM._attack

    def failing(self: FGSM, classifier, images, labels, keys):
        if (late := [row for row in keys.row_ids if row >= 250]) and classifier.id == "tiny.fer":
            raise RuntimeError(f"no luck with {late[0]}")
        return attack(self, classifier, images, labels, keys)

    monkeypatch.setattr(FGSM, "_attack", failing)
    before = measured(tmp_path / "local")
    assert b"RuntimeError: no luck with 25" in csv(before)
    for seed in range(3):  # whichever chunk fails first
        assert csv(measured(tmp_path / str(seed), shuffled(seed))) == csv(before)


def test_a_set_whose_workers_died_is_an_error_row_and_the_run_goes_on(tmp_path: Path) -> None:
    engine = shuffled()
    engine.loses = ("tiny.fer-fer-pgd-linf",)
    results = pd.read_csv(measured(tmp_path, engine) / "results.csv", keep_default_na=False)
    (row,) = results[results.status == "error"].itertuples()
    assert (row.model, row.attacked_labels, row.perturbation) == ("tiny.fer", "fer", "pgd")
    assert row.detail == "its worker died 4 times while computing it"
    assert ((results.perturbation == "pgd") & (results.status == "ok")).any()  # under ferplus


@pytest.mark.slow
def test_answers_whose_workers_died_are_error_rows(local: Path, tmp_path: Path) -> None:
    engine = shuffled()
    engine.loses = ("tiny.fer on gaussian_noise",)
    results = pd.read_csv(measured(tmp_path, engine) / "results.csv", keep_default_na=False)
    (row,) = results[results.status == "error"].itertuples()
    assert (row.model, row.perturbation) == ("tiny.fer", "gaussian_noise")
    assert row.detail == "its worker died 4 times while computing it"
    noisy = results[(results.perturbation == "gaussian_noise") & (results.status == "ok")]
    assert set(noisy.model) == {"tiny.ferplus"}
    assert csv(measured(tmp_path, shuffled())) == csv(local)  # tried again


def test_a_probe_whose_workers_died_is_a_check_that_failed(local: Path, tmp_path: Path) -> None:
    engine = shuffled()
    engine.loses = ("R10 tiny.fer-fer-pgd-linf",)
    checks = pd.read_parquet(measured(tmp_path, engine) / "checks.parquet")
    (failed,) = checks[checks.status == "error"].itertuples()
    assert (failed.model, failed.rule) == ("tiny.fer", "R10")
    assert "its worker died 4 times" in failed.message
    expected = pd.read_parquet(local / "checks.parquet")
    pd.testing.assert_frame_equal(
        checks.drop(index=failed.Index), expected.drop(index=failed.Index)
    )


@pytest.mark.slow
def test_a_model_that_fails_on_a_set_is_the_same_error_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logits = KerasClassifier.logits

    def failing(self: KerasClassifier, images: ImageSource) -> np.ndarray:
        if self.id == "tiny.fer" and len(images) == 460:
            raise RuntimeError("no luck with noise")
        return logits(self, images)

    monkeypatch.setattr(KerasClassifier, "logits", failing)
    before = measured(tmp_path / "local")
    assert b"RuntimeError: no luck with noise" in csv(before)
    assert csv(measured(tmp_path / "engine", shuffled())) == csv(before)


def test_parts_of_images_are_whole_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last bits of logits depend on a batch's size, so a part ends where a batch does."""
    images = np.random.default_rng(0).random((5000, 8, 8, 1), np.float32)
    found: list[np.ndarray] = []
    model = tiny.classifier()
    monkeypatch.setattr(orders, "ANSWER_BYTES", 3 * BATCH_SIZE * images[0].nbytes - 1)
    order = answers("", model.id, images, found)
    assert order.count == -(-5000 // (2 * BATCH_SIZE))
    for part in reversed(order.begin()):
        order.keep(part, order.cell(part).compute(model, images[:0]))
    np.testing.assert_array_equal(found[0], model.logits(images))


def test_models_that_cannot_travel_are_attacked_by_the_driver(local: Path, tmp_path: Path) -> None:
    engine = Shuffled(faces().images, tiny.models()[:1])
    assert csv(measured(tmp_path, engine)) == csv(local)
    own = ("tiny.ferplus-", "tiny.ferplus on")
    assert engine.done and not any(part in name for name in engine.done for part in own)


def test_a_mistake_of_the_user_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*_: object) -> None:
        raise InputError("the rule, the value, the next step.")

    monkeypatch.setattr(FGSM, "_attack", refusing)
    with pytest.raises(InputError, match="the rule, the value, the next step"):
        measured(tmp_path, shuffled())
