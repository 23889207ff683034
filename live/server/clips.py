"""Clips that viewers upload: received, read one after another, and kept until newer ones are read.

A clip lies in a temporary folder of its own and is deleted as soon as it is read; what remains are
the files that `python -m live.video` writes. Memory and disk are bounded: at most `MOST_UNFINISHED`
clips of `MOST_BYTES` are on the way, and `MOST_FINISHED` results are kept.
"""

import atexit
import logging
import queue
import secrets
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from datasets.base.errors import InputError
from live.engine import Engine
from live.server.clip_job import FINISHED, Cancelled, Job, State
from live.server.shared_labeller import SharedLabeller
from live.settings import Settings

_LOG = logging.getLogger(__name__)
MOST_BYTES = 200 * 2**20
MOST_UNFINISHED = 4
MOST_FINISHED = 4
MIN_SIZE = 40
"""Shortest side of a face, in pixels of the frame that is searched."""
_PATIENCE = 5.0
"""Seconds that the server waits at its end for the clip that is being read."""


class TooMany(ValueError):
    """As many clips are on the way as the server takes."""


class Clips:
    """The clips of all viewers. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._home: TemporaryDirectory[str] | None = None
        self._worker: threading.Thread | None = None

    def receive(self, pieces: Iterable[bytes], title: str, settings: Settings) -> Job:
        """Take a clip piece by piece, look whether it is one, and queue it.

        Args:
            pieces: of the file; whatever they raise is raised here, and nothing is kept.
            title: what the viewer calls it.
            settings: classifiers and attack.

        Raises:
            TooMany: `MOST_UNFINISHED` clips are on the way.
            InputError: it is no clip, or an unknown model.
        """
        self._engine.models.try_again(settings.models)
        for model in settings.models:
            self._engine.models.ask(model)  # refuses an unknown one, starts loading the others
        job = self._admit(title, settings)
        try:
            with job.path.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
            _check(job.path)
            with self._lock:
                job.state = State.WAITING
            self._waiting.put(job)
        except BaseException:
            self.remove(job.name)
            raise
        return job

    def find(self, name: str) -> Job | None:
        """Return a job, or None if there is no such, or no more."""
        return self._jobs.get(name)

    def remove(self, name: str) -> bool:
        """Cancel a job, or delete its result; False if there is no such job."""
        with self._lock:
            job = self._jobs.get(name)
            if job is None:
                return False
            job.cancelled.set()
            if job.state in (State.READING, State.DRAWING):
                return True  # the worker removes it at the next frame
            self._forget(job)
        return True

    def close(self) -> None:
        """Cancel everything and delete all files."""
        for name in list(self._jobs):
            self.remove(name)
        if self._worker is not None and threading.current_thread() is not self._worker:
            self._waiting.put(Job("", Path(), "", Settings()))
            self._worker.join(_PATIENCE)
        if self._home is not None:
            self._home.cleanup()

    def _admit(self, title: str, settings: Settings) -> Job:
        with self._lock:
            unfinished = sum(job.state not in FINISHED for job in self._jobs.values())
            if unfinished >= MOST_UNFINISHED:
                raise TooMany(
                    f"{MOST_UNFINISHED} clips are already being uploaded or read. Try again later."
                )
            if self._home is None:
                self._home = TemporaryDirectory(prefix="deadpan-clips-", ignore_cleanup_errors=True)
                atexit.register(self.close)
                self._worker = threading.Thread(target=self._work, daemon=True, name="clips")
                self._worker.start()
            name = secrets.token_urlsafe(9)
            job = self._jobs[name] = Job(name, Path(self._home.name) / name, title, settings)
            job.folder.mkdir()
            return job

    def _forget(self, job: Job) -> None:
        """Delete a job with its files; the lock is held."""
        self._jobs.pop(job.name, None)
        shutil.rmtree(job.folder, ignore_errors=True)

    def _work(self) -> None:
        """Read one clip after another."""
        while (job := self._waiting.get()).name:
            try:
                with self._lock:
                    if job.cancelled.is_set():
                        continue
                    job.state = State.READING
                self._read(job)
                self._finish(job, State.DONE)
            except Cancelled:
                with self._lock:
                    self._forget(job)
            except InputError as error:
                self._finish(job, State.FAILED, plain(error, job.path))
            except Exception as error:  # in a model, for example: the next clip is still read
                if not job.cancelled.is_set():  # else it ended with the server
                    _LOG.error("a clip cannot be read", exc_info=error)
                words, *_ = str(error).splitlines() or [""]
                line = f"This clip cannot be read: {type(error).__name__}: {words[:200]}"
                self._finish(job, State.FAILED, line)

    def _read(self, job: Job) -> None:
        from live.video.annotated import write_annotated
        from live.video.command import read_into
        from live.video.find import FaceFinder
        from live.video.page import write_page
        from live.video.read_clip import ClipReader
        from live.video.reading_folder import (
            describe_reading,
            read_description,
            write_description,
        )

        settings = job.settings
        labeller = SharedLabeller(self._engine, settings)
        reader = ClipReader(labeller, FaceFinder(settings.detector, MIN_SIZE, labeller.sides))
        description: dict[str, Any] = describe_reading(
            job.path, settings, labeller.classifiers, settings.detector, MIN_SIZE
        )
        description["clip"] = job.title
        job.result.mkdir()
        read_into(job.path, job.result, reader, description, job.progress(State.READING))
        fault = write_annotated(job.path, job.result, job.progress(State.DRAWING))
        if fault:
            known = read_description(job.result)
            write_description(job.result, {**known, "notes": [*known["notes"], fault]})
        write_page(job.result, back="/clip")

    def _finish(self, job: Job, state: State, error: str = "") -> None:
        """Delete the clip, and the oldest result if there are too many."""
        with self._lock:
            if job.cancelled.is_set():
                self._forget(job)
                return
            job.path.unlink(missing_ok=True)
            if state is State.FAILED:
                shutil.rmtree(job.folder, ignore_errors=True)
            job.state, job.error = state, error
            finished = [known for known in self._jobs.values() if known.state in FINISHED]
            for known in finished[:-MOST_FINISHED]:
                self._forget(known)


def plain(error: InputError, path: Path) -> str:
    """An error of a clip without the path, which the viewer does not know."""
    words = str(error).removeprefix(f"{path}: ")
    return words[:1].upper() + words[1:]


def _check(path: Path) -> None:
    """Look at the content: a clip with at least one frame.

    Raises:
        InputError: it is none; without the path.
    """
    from live.video.clip import open_clip

    try:
        with open_clip(path) as clip:
            next(clip.frames())
    except InputError as error:
        raise InputError(plain(error, path)) from error
