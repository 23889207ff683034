"""What a run holds at once depends neither on its faces nor on its models: counted, not weighed."""

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attacks.sets import store
from datasets.image_source import UnitImages
from datasets.labels import FERPLUS8
from evaluation import blocks
from evaluation.checks import contract
from evaluation.config import AttackSettings
from evaluation.results.run import FinishedRun
from evaluation.stages import pipeline
from evaluation.stages.pipeline import evaluate_run
from evaluation.stages.residence import Residence
from fer_models import gradients
from fer_models.classifier import BATCH_SIZE
from fer_models.keras_classifier import KerasClassifier
from tests.evaluation import tiny

CHUNKS = 3
RUN = tiny.config(
    transfer=AttackSettings(name="fgsm"),
    attacks=(
        AttackSettings(name="noise"),
        AttackSettings.model_validate({"name": "pgd", "steps": 2}),
    ),
)


def models() -> list[KerasClassifier]:
    return [*tiny.models(), tiny.classifier(FERPLUS8, "third.ferplus", seed=2)]


class Held:
    """Watches a run: the most that it held at once."""

    def __init__(self) -> None:
        self.chunks = self.rows = self.ready = 0
        self.read = 0
        self._alive: list[weakref.ref[np.ndarray]] = []

    def reading(self, original: Callable[..., dict[str, np.ndarray]]) -> Callable[..., Any]:
        def read(*args: Any) -> dict[str, np.ndarray]:
            arrays = original(*args)
            self._alive = [each for each in self._alive if each() is not None]
            self._alive.append(weakref.ref(arrays["images"]))
            self.chunks = max(self.chunks, len(self._alive))
            self.read += 1
            return arrays

        return read

    def converting(self, original: Callable[..., np.ndarray]) -> Callable[..., Any]:
        def convert(images: UnitImages, rows: Any) -> np.ndarray:
            found = original(images, rows)
            self.rows = max(self.rows, len(found) if found.ndim == 4 else 1)
            return found

        return convert

    def compiling(self, original: Callable[..., Any], found: list[KerasClassifier]) -> Any:
        def compiled(signature: Any) -> Any:
            self.ready = max(self.ready, sum(gradients.COMPILED in vars(each) for each in found))
            return original(signature)

        return compiled


def test_a_run_holds_few_chunks_rows_and_compiled_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, held, faces = models(), Held(), tiny.faces(100 * CHUNKS)
    monkeypatch.setattr(store, "read_chunk", held.reading(store.read_chunk))
    monkeypatch.setattr(UnitImages, "__getitem__", held.converting(UnitImages.__getitem__))
    monkeypatch.setattr(gradients, "_compiled", held.compiling(gradients._compiled, found))
    monkeypatch.setattr(blocks, "BLOCK", BATCH_SIZE)
    monkeypatch.setattr(contract, "FACES", BATCH_SIZE)
    monkeypatch.setattr(pipeline, "Residence", lambda: Residence(ready=1))
    evaluate_run(RUN, faces, found, tmp_path / "flat", None, tiny.SILENT)
    assert held.read > 20 * CHUNKS  # of many sets, each read several times
    assert 0 < held.chunks <= 3  # the one being read, the one held by the set, the set before
    assert 0 < held.rows <= 200  # of 300: the most that a check attacks
    assert held.ready == 2  # the one that is used, and the one before it
    monkeypatch.undo()
    evaluate_run(RUN, faces, models(), tmp_path / "all", None, tiny.SILENT)
    flat, all_at_once = (FinishedRun(tmp_path / name).csv for name in ("flat", "all"))
    assert flat.read_bytes() == all_at_once.read_bytes()


def test_a_released_model_frees_what_it_compiled_and_answers_the_same() -> None:
    classifier, images = tiny.classifier(), tiny.faces().images.astype(np.float32) / 255
    before = classifier.logits(images)
    calls = [weakref.ref(call) for call in vars(classifier)[gradients.COMPILED].values()]
    classifier.release()
    gc.collect()
    assert calls and all(call() is None for call in calls)
    np.testing.assert_array_equal(classifier.logits(images), before)


def test_the_models_used_last_stay_ready() -> None:
    found, residence = models(), Residence(ready=2)
    images = tiny.faces().images[:1].astype(np.float32) / 255
    for number in (0, 1, 0, 2, 2):
        found[number].logits(images)
        residence.used(found[number])
    assert [gradients.COMPILED in vars(each) for each in found] == [True, False, True]
