"""The engine on Ray's interface: workers that die, that never start, that have another version."""

import shutil
import signal
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from datasets.base.errors import BrokenLibraryError, InputError
from datasets.base.signals import stoppable
from evaluation.engines import orders, ray_engine
from evaluation.engines.cells import ChunkCell
from evaluation.engines.engine import Engine, Work
from evaluation.engines.fulfil import fulfil
from evaluation.engines.named import check_engine, opened
from evaluation.engines.orders import AnswerOrder
from evaluation.engines.ray_engine import RayEngine, _Actor, _Place, next_work
from evaluation.listener import Listener
from evaluation.stages.pipeline import evaluate_run
from fer_models.classifier import BATCH_SIZE
from tests.evaluation import tiny
from tests.evaluation.engines.fake_ray import FakeRay

CONFIG = tiny.config(corruptions=(), eps=(0.1,))


def csv_of(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    dies: Callable[..., bool] | None,
    told: list[str] | None = None,
) -> bytes:
    """Results of a run, of workers that die when told to, or without an engine."""
    faces, models = tiny.faces(230), tiny.models()
    listener = Listener(line=(told if told is not None else []).append, chunk=lambda *_: None)
    if dies is None:
        evaluate_run(CONFIG, faces, models, folder, None, listener)
    else:
        monkeypatch.setitem(sys.modules, "ray", FakeRay(dies))
        parcels: dict[str, Any] = {
            model.id: SimpleNamespace(unpack=lambda *_, model=model: model) for model in models
        }
        with opened("ray", faces.images, parcels, listener) as engine:
            evaluate_run(CONFIG, faces, models, folder, None, listener, engine)
    return (folder / "results.csv").read_bytes()


def work(model: str) -> Work:
    images = tiny.faces(1).images.astype(np.float32)
    order = AnswerOrder(
        name=model, model=model, images=images, missing=lambda: True, answered=lambda _: None
    )
    return Work(order, 0)


class Counted(Engine):
    """Hands out work as `RayEngine` does, all parts taking equally long, and counts loads."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._places = [_Place(None, None) for _ in range(workers)]
        self.loads = 0

    def open(self, *_: Any) -> None:
        raise AssertionError("it is open from the beginning")

    def run(self, work: deque[Work]) -> Iterator[tuple[Work, Any]]:
        while work:
            done = []
            for place in self._places[: len(work)]:
                others = [other for other in self._places if other is not place]
                chosen = next_work(place, others, work)
                self.loads += place.model != chosen.model
                place.model = chosen.model
                done.append((chosen, np.zeros((1, 7), np.float32)))
            yield from done


@pytest.mark.parametrize(
    ("workers", "sets", "parts", "loads"),
    [(2, 24, 1, 4), (2, 6, 50, 4), (4, 6, 36, 6), (16, 8, 9, 28)],
)
def test_a_worker_stays_with_a_model_while_it_can(
    workers: int, sets: int, parts: int, loads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three models; were it to go through them in turn, each worker would load each."""
    monkeypatch.setattr(orders, "ANSWER_BYTES", 0)  # a part is one batch
    engine, images = Counted(workers), np.zeros((parts * BATCH_SIZE, 8, 8, 1), np.float32)
    ordered = [
        AnswerOrder(name="", model=model, images=images, missing=lambda: True, answered=len)
        for model in "abc"
        for _ in range(sets)
    ]
    fulfil(ordered, engine, tiny.SILENT)
    assert all(order.left == 0 for order in ordered)
    assert 3 <= engine.loads <= loads


def test_cells_whose_worker_died_are_made_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaths, told = Counter[tuple[str, int]](), list[str]()

    def thrice(method: str, *given: Any) -> bool:
        if method != "compute" or not isinstance(cell := given[0], ChunkCell):
            return False
        key = f"{cell.model} {cell.chunk.spec.perturbation}", int(cell.rows[0])
        deaths[key] += 1
        return key == ("tiny.fer pgd", 100) and deaths[key] <= 3

    expected = csv_of(tmp_path / "local", monkeypatch, None)
    assert csv_of(tmp_path / "ray", monkeypatch, thrice, told) == expected
    assert (
        sum("a worker died while it computed tiny.fer-fer-pgd-linf: RayError" in t for t in told)
        == 3
    )
    assert any(line.startswith("ray: 2 workers of 1 thread, ") for line in told)


def test_a_cell_that_kills_four_workers_is_an_error_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def always(method: str, *given: Any) -> bool:
        made = method == "compute" and isinstance(given[0], ChunkCell)
        return made and given[0].chunk.spec.perturbation == "fgsm"

    csv = csv_of(tmp_path, monkeypatch, always).decode()
    errors = [line for line in csv.splitlines() if line.endswith(",error")]
    assert len(errors) == 4 and all("fgsm" in line for line in errors)  # two models, two label sets
    assert all("its worker died 4 times while computing it" in line for line in errors)
    assert ",pgd," in csv


@pytest.mark.slow
def test_a_run_ends_in_one_line_when_ray_dies_on_its_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = csv_of(tmp_path, monkeypatch, None)
    (tmp_path / "results.csv").unlink()
    shutil.rmtree(next(tmp_path.glob("sets/*pgd*")))
    ray = FakeRay(lambda method, *_: method == "compute")
    ray.joined, ray.alive = False, False
    faces, models = tiny.faces(230), tiny.models()
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    parcels: dict[str, Any] = {
        model.id: SimpleNamespace(unpack=lambda *_, model=model: model) for model in models
    }
    with (
        pytest.raises(BrokenLibraryError, match=r"Ray has died on this machine.*with --resume\.$"),
        opened("ray", faces.images, parcels, tiny.SILENT) as engine,
    ):
        evaluate_run(CONFIG, faces, models, tmp_path, None, tiny.SILENT, engine)
    assert ray.calls == []  # a shutdown without the raylet ends the process
    assert csv_of(tmp_path, monkeypatch, None) == expected


def test_the_death_of_ray_is_noticed_while_no_worker_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ray = FakeRay(lambda *_: False)
    ray.joined = False

    def none(*_: Any, **__: Any) -> tuple[list[Any], list[Any]]:
        ray.alive = False
        return [], []

    monkeypatch.setattr(ray, "wait", none, raising=False)
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    engine = RayEngine()
    engine.open(tiny.faces().images, {}, tiny.SILENT)
    with pytest.raises(InputError, match="Ray has died on this machine"):
        next(engine.run(deque([work("a")])))


def test_a_stopped_run_does_not_wait_for_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = FakeRay(lambda *_: False)
    ray.joined = False
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    engine = RayEngine()
    engine.open(tiny.faces().images, {}, tiny.SILENT)
    with stoppable() as received:
        received.append(signal.SIGTERM)  # to the whole group, so Ray's processes have it, too
        engine.close()
    assert "shutdown" not in ray.calls
    engine.close()
    assert "shutdown" in ray.calls


def test_a_variable_for_an_address_that_is_empty_names_no_cluster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ray", FakeRay(lambda *_: False))
    for name, address in (("", "local"), ("auto", "auto")):
        monkeypatch.setenv("RAY_ADDRESS", name)
        assert RayEngine()._address == address


def test_a_start_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: Any, **__: Any) -> None:
        raise Exception("The current node timed out\nduring startup.")

    ray = FakeRay(lambda *_: False)
    ray.joined = False
    monkeypatch.setattr(ray, "init", late, raising=False)
    monkeypatch.setitem(sys.modules, "ray", ray)
    with pytest.raises(InputError, match=r"no cluster at .*: The current node timed out during"):
        RayEngine().open(tiny.faces().images, {}, tiny.SILENT)


def test_sigterm_while_ray_starts_stops_the_command_as_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        sys.exit(signal.SIGTERM)  # as Ray's own handler does

    ray = FakeRay(lambda *_: False)
    ray.joined = False
    monkeypatch.setattr(ray, "init", stopped, raising=False)
    monkeypatch.setitem(sys.modules, "ray", ray)
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        with stoppable() as received, pytest.raises(KeyboardInterrupt):
            RayEngine().open(tiny.faces().images, {}, tiny.SILENT)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    assert received == [signal.SIGTERM]


def test_sigterm_ends_a_worker_instead_of_failing_its_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ray", FakeRay(lambda *_: False))
    before = signal.getsignal(signal.SIGTERM)
    try:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # as Ray does in a worker
        _Actor([[tiny.faces(1).images]], {})
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)


def test_workers_that_never_start_end_the_run_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="workers die while they start: the actor is dead"):
        csv_of(tmp_path, monkeypatch, lambda method, *_: method == "versions")


def test_another_version_on_a_node_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_engine._Actor, "versions", lambda _: ("0.0.1", 1))
    with pytest.raises(InputError, match=r"a worker has Deadpan 0\.0\.1 with attacks of version 1"):
        csv_of(tmp_path, monkeypatch, lambda *_: False)


def test_workers_fit_into_the_memory_and_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = FakeRay(lambda *_: False)
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setattr(ray_engine, "peak_memory_mb", lambda: 1000.0)
    for resources, workers in (
        ({"CPU": 64.0, "memory": 1e12}, 64),
        ({"CPU": 64.0, "memory": 10.5e9}, 10),
        ({"CPU": 0.0, "memory": 1e8}, 1),
    ):
        ray.resources = resources
        engine = RayEngine()
        engine.open(tiny.faces().images, {}, tiny.SILENT)
        assert engine.workers == workers
        assert len(ray.started) == workers  # before there is work: a start takes seconds
        ray.started.clear()


@pytest.mark.parametrize("name", ["spark", "ray:host", "Ray"])
def test_unknown_engines_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="must be local, ray, or ray://HOST:PORT"):
        check_engine(name)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r'pip install -e "\.\[ray\]"'):
        check_engine("ray")
    check_engine("local")
