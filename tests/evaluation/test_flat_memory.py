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
from evaluation.stages import pipeline, residence
from evaluation.stages.pipeline import evaluate_run
from evaluation.stages.residence import READY, Residence
from fer_models import gradients
from fer_models.classifier import BATCH_SIZE
from fer_models.keras_classifier import KerasClassifier
from fer_models.losses import Loss
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


@pytest.mark.slow
def test_a_run_holds_few_chunks_rows_and_compiled_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, held, faces = models(), Held(), tiny.faces(100 * CHUNKS)
    monkeypatch.setattr(store, "read_chunk", held.reading(store.read_chunk))
    monkeypatch.setattr(UnitImages, "__getitem__", held.converting(UnitImages.__getitem__))
    monkeypatch.setattr(gradients, "_compiled", held.compiling(gradients._compiled, found))
    monkeypatch.setattr(blocks, "BLOCK", BATCH_SIZE)
    monkeypatch.setattr(contract, "FACES", BATCH_SIZE)
    monkeypatch.setattr(pipeline, "Residence", lambda _: Residence(READY + 1))
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


@pytest.mark.parametrize(
    ("models_of_run", "ready"), [(READY, [True, True]), (READY + 1, [False, True])]
)
def test_models_stay_ready_where_all_of_a_run_can(models_of_run: int, ready: list[bool]) -> None:
    found, kept = models()[:2], Residence(models_of_run)
    images = tiny.faces().images[:1].astype(np.float32) / 255
    garbage = 0
    gc.disable()
    try:
        for classifier in found:
            classifier.input_gradients(images, np.zeros(1, np.int64), Loss.CROSS_ENTROPY)
            gc.collect()  # what compiling leaves
            kept.used(classifier)
        garbage = gc.collect()
    finally:
        gc.enable()
    assert [gradients.COMPILED in vars(each) for each in found] == ready
    assert garbage < 100  # a compiled call of this net leaves some 400 objects in cycles


def test_memory_that_nothing_uses_is_returned() -> None:
    trimmed = []

    class Glibc:
        def malloc_trim(self, kept: int) -> None:
            trimmed.append(kept)

    with pytest.MonkeyPatch.context() as patch:
        for library in (Glibc, object):  # musl and macOS have no such function
            patch.setattr(residence.ctypes, "CDLL", lambda _, library=library: library())
            residence.return_freed_memory()
    assert trimmed == [0]


def test_returning_memory_takes_a_small_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now, returned, kept = [100.0], [], Residence(READY + 1)
    found = models()

    def returning() -> None:
        returned.append(now[0])
        now[0] += 1.0

    monkeypatch.setattr(residence.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(residence, "return_freed_memory", returning)
    for number in range(300):
        kept.used(found[number % 2])
        now[0] += 1.0
    assert returned[0] == 101.0 and set(np.diff(returned)) == {1 / residence.SHARE}
