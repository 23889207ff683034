"""One uploaded clip on its way from the viewer to its page."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from live.settings import Settings

_CLIP, _RESULT = "clip", "result"


class State(StrEnum):
    """What becomes of a clip."""

    ARRIVING = "arriving"
    WAITING = "waiting"
    READING = "reading"
    DRAWING = "drawing"
    DONE = "done"
    FAILED = "failed"


FINISHED = (State.DONE, State.FAILED)


class Cancelled(Exception):
    """The viewer wants the clip no more."""


@dataclass(eq=False)
class Job:
    """One clip.

    Attributes:
        name: cannot be guessed; names its page.
        folder: its own folder.
        title: what the viewer calls the clip; only shown, never a path.
        settings: classifiers and attack.
        state: see `State`.
        done: frames that are read or drawn.
        expected: frames to be read or drawn, as far as the file states them.
        error: why it failed, a line.
        cancelled: set when it is wanted no more.
    """

    name: str
    folder: Path
    title: str
    settings: Settings
    state: State = State.ARRIVING
    done: int = 0
    expected: int = 0
    error: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def path(self) -> Path:
        """The clip itself, until it is read."""
        return self.folder / _CLIP

    @property
    def result(self) -> Path:
        """Folder of the page and the tables."""
        return self.folder / _RESULT

    def progress(self, state: State) -> Callable[[int, int], None]:
        """What reports progress in a state, and ends a job that is cancelled."""
        self.state, self.done, self.expected = state, 0, 0

        def report(done: int, expected: int) -> None:
            if self.cancelled.is_set():
                raise Cancelled
            self.done, self.expected = done, expected

        return report
