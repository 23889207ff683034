"""Cells on a Ray cluster: workers are actors, which may die with their machine.

Faces and models go once to each node, through Ray's object store; a cell's arrays come back to the
driver, so no disk is shared. A cell that dies with its worker is computed again by another, up to
`RETRIES` times. Not here: what a worker does (`evaluation/engines/worker.py`).

Source: https://docs.ray.io, "Fault tolerance" and "Patterns: limit the number of pending tasks".
"""

import atexit
import logging
import os
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from attacks.sets.spec import CODE_VERSION
from datasets.base.errors import BrokenLibraryError, InputError
from datasets.base.signals import end_at_sigterm, handlers_kept, is_stopped
from datasets.base.threads import VARIABLES, threads
from evaluation.engines.engine import Cell, Engine, Lost, Work
from evaluation.engines.parcel import Parcel
from evaluation.engines.worker import Worker
from evaluation.environment import peak_memory_mb
from evaluation.listener import Listener

RETRIES = 3
"""Times that a cell is computed again after its worker died."""
PATIENCE = 2.0
"""Seconds between looks at the cluster while nothing comes back."""
IDLE_LOOKS = 300
"""Such looks without a single worker, after which the run gives up."""
_BLAS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class _Actor:
    """A worker in a process of its own."""

    def __init__(self, images: list[Any], parcels: Mapping[str, Any]) -> None:
        """Take the faces, in a list so that Ray sends the reference, and references to models."""
        import ray

        from fer_models.backend import quiet_backend

        quiet_backend()
        end_at_sigterm()  # else it could be taken for a failure of the model
        self._worker = Worker(ray.get(images[0]), lambda model: ray.get(parcels[model]))

    def versions(self) -> tuple[str, int]:
        """Version of Deadpan and of its attacks on this node, once the actor has started."""
        return version("deadpan"), CODE_VERSION

    def compute(self, cell: Cell) -> Any:
        """See `Worker.compute`."""
        return self._worker.compute(cell)


@dataclass(eq=False)
class _Place:
    """An actor and what it is doing: starting, computing, or nothing.

    Attributes:
        actor: its handle.
        future: reference to what it will answer; None while it is idle.
        work: what it computes; None while it starts.
        model: the one that it needed last.
    """

    actor: Any
    future: Any
    work: Work | None = None
    model: str = ""


def next_work(place: _Place, others: Sequence[_Place], work: deque[Work]) -> Work:
    """Take what a worker does next: with its last model, else with the one that lacks workers.

    That is the model with the most parts waiting per worker that has it.
    """
    having = Counter(other.model for other in others)
    waiting = Counter(one.model for one in work)
    model = place.model
    if model not in waiting:
        model = max(waiting, key=lambda each: waiting[each] / (having[each] or 0.5))
    chosen = next(one for one in work if one.model == model)
    work.remove(chosen)
    return chosen


class RayEngine(Engine):
    """Computes cells on a Ray cluster.

    Args:
        address: of a cluster, as `ray.init` takes it. None: the one that this process is connected
            to or `RAY_ADDRESS` names, else a new one on this machine, with all of its cores.
    """

    def __init__(self, address: str | None = None) -> None:
        import ray

        self._ray = ray
        self._address = address or os.environ.get("RAY_ADDRESS") or "local"
        self._places: list[_Place] = []
        self._threads = threads() or 1
        self._failed_starts = 0
        self._started = not ray.is_initialized()

    def open(self, images: np.ndarray, parcels: Mapping[str, Parcel], listener: Listener) -> None:
        """Connect, send faces and models, and start as many workers as there will be."""
        ray = self._ray
        if self._started:
            where: dict[str, Any] = {"address": self._address, "log_to_driver": False}
            if self._address == "local":
                where["include_dashboard"] = False
            try:
                with handlers_kept():  # Ray's own would end this process without a word
                    ray.init(**where, logging_level=logging.ERROR)
            except Exception as error:  # no such cluster, or a start that takes over 30 s
                words = " ".join(str(error).split())
                raise InputError(f"--engine ray: no cluster at {self._address}: {words}") from error
        self._images = ray.put(images)
        self._parcels = {model: ray.put(parcel) for model, parcel in parcels.items()}
        self._listener, self.models = listener, frozenset(parcels)
        self._memory = int(peak_memory_mb() * 1e6)
        self._hire(needed=True)  # they start while the driver classifies the clean faces
        total, plural = ray.cluster_resources(), "s" * (self._threads > 1)
        listener.line(
            f"ray: {self.workers} workers of {self._threads} thread{plural}, "
            f"{self._memory / 1e9:.1f} GB each (measured on this process); the cluster has "
            f"{total.get('CPU', 0):.0f} cores and {total.get('memory', 0) / 1e9:.1f} GB for them"
        )

    def run(self, work: deque[Work]) -> Iterator[tuple[Work, Any]]:
        """Keep every worker busy with one cell until nothing is left, see `Engine.run`."""
        tries: Counter[Work] = Counter()
        looks = 0
        while work or any(place.work for place in self._places):
            self._hire(bool(work))
            for place in self._places:
                if work and place.future is None:
                    others = [other for other in self._places if other is not place]
                    self._send(place, next_work(place, others, work))
            pending = {place.future: place for place in self._places if place.future is not None}
            ready, _ = self._ray.wait(list(pending), timeout=PATIENCE) if pending else ([], [])
            self._check_own_cluster()
            for future in ready:
                place = pending[future]
                found = self._answer(place)
                if found is None:
                    continue
                done, result = found
                if result is None:  # it died with its worker
                    tries[done] += 1
                    if tries[done] <= RETRIES:
                        work.appendleft(done)
                        continue
                    message = f"its worker died {tries[done]} times while computing it"
                    result = Lost(message, died=True)
                yield done, result
            looks = 0 if ready else looks + 1
            if looks >= IDLE_LOOKS and not any(place.work for place in self._places):
                raise InputError(
                    f"--engine ray: no worker has started for {looks * PATIENCE / 60:.0f} minutes. "
                    "Look at `ray status`, and continue with --resume."
                )

    def close(self) -> None:
        """Let the workers go, and leave the cluster if this engine joined it."""
        if self._has_died() or is_stopped():  # a signal may have ended Ray's processes, too
            atexit.unregister(self._ray.shutdown)  # it would end this process without a word
            return
        for place in self._places:
            self._ray.kill(place.actor)
        self._places.clear()
        if self._started and self._ray.is_initialized():
            self._ray.shutdown()

    def _wanted(self) -> int:
        """Workers that the cluster has cores and memory for, at least one."""
        total = self._ray.cluster_resources()
        by_cores = int(total.get("CPU", 1) // self._threads)
        return max(1, min(by_cores, int(total.get("memory", np.inf) // self._memory)))

    def _hire(self, needed: bool) -> None:
        """Start workers where some have died, or nodes have joined."""
        self.workers = self._wanted()
        for _ in range(self.workers - len(self._places) if needed else 0):
            gpus = self._ray.cluster_resources().get("GPU", 0)
            names = dict.fromkeys((*VARIABLES, *_BLAS), str(self._threads))
            names["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"  # else the first worker takes all of a GPU
            actor_class: Any = self._ray.remote(_Actor)
            actor = actor_class.options(
                num_cpus=self._threads,
                num_gpus=min(1.0, gpus / self.workers),
                memory=int(min(self._memory, self._node_memory())),
                max_restarts=0,
                runtime_env={"env_vars": names},
            ).remote([self._images], self._parcels)
            self._places.append(_Place(actor, actor.versions.remote()))

    def _node_memory(self) -> float:
        """Memory of the largest node for workers, bytes."""
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        return max((node.get("memory", np.inf) for node in nodes), default=np.inf)

    def _check_own_cluster(self) -> None:
        """End where Ray on this machine, started by this engine, is gone: no other node joins it.

        Raises:
            BrokenLibraryError: it is gone.
        """
        if self._has_died():
            raise BrokenLibraryError(
                "--engine ray: Ray has died on this machine, as it does when it is killed or "
                "memory runs out. Continue with --resume."
            )

    def _has_died(self) -> bool:
        """Whether the raylet that this engine started is gone; Ray itself notices seconds later."""
        if not self._started or self._address != "local":
            return False
        node = self._ray._private.worker._global_node
        return node is not None and any(kind == "raylet" for kind, _ in node.dead_processes())

    def _send(self, place: _Place, work: Work) -> None:
        place.work, place.model = work, work.model
        place.future = place.actor.compute.remote(work.cell())

    def _answer(self, place: _Place) -> tuple[Work, Any] | None:
        """What a worker has done, None in place of its result if it died; None if it only started.

        Raises:
            InputError: its node has another version of Deadpan.
        """
        work, future = place.work, place.future
        place.work = place.future = None
        try:
            result = self._ray.get(future)
        except self._ray.exceptions.RayTaskError as error:  # it could not even begin
            words = " ".join(str(error.cause).split())
            raise InputError(f"--engine ray: a worker fails: {words}") from error
        except self._ray.exceptions.RayError as error:
            self._places.remove(place)
            self._ray.kill(place.actor)  # one that is only out of reach shall not keep its cores
            what = f"while it computed {work.name}" if work else "while it started"
            self._listener.line(f"ray: a worker died {what}: {type(error).__name__}")
            self._check_own_cluster()
            if work:
                return work, None
            self._failed_starts += 1
            if self._failed_starts > RETRIES * self.workers:
                words = " ".join(str(error).split())
                raise InputError(f"--engine ray: workers die while they start: {words}") from error
            return None
        if work is not None:
            return work, result
        self._failed_starts = 0
        own = version("deadpan"), CODE_VERSION
        if result != own:
            raise InputError(
                f"--engine ray: a worker has Deadpan {result[0]} with attacks of version "
                f"{result[1]}, this process {own[0]} with {own[1]}. Install the same on all nodes."
            )
        return None
