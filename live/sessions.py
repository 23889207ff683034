"""Recorded sessions of all viewers, in memory until the server ends or newer ones come."""

import secrets
import threading
from dataclasses import dataclass, field

from live.reading import Reading
from live.recording import Recording
from live.settings import Settings

MOST_SESSIONS = 8
"""The oldest goes when one more starts."""


@dataclass
class _Session:
    started: float | None = None
    recording: Recording = field(default_factory=Recording)


class Sessions:
    """Recordings by name; the names cannot be guessed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, _Session] = {}

    def start(self) -> str:
        """Begin a session; its name."""
        name = secrets.token_urlsafe(9)
        with self._lock:
            while len(self._sessions) >= MOST_SESSIONS:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[name] = _Session()
        return name

    def add(
        self, name: str, frame: int, seconds: float, reading: Reading, settings: Settings
    ) -> None:
        """Add a frame taken at `seconds` of any clock; dropped when the session is gone or full."""
        session = self._sessions.get(name)
        if session is None:
            return
        session.started = seconds if session.started is None else session.started
        session.recording.add(frame, seconds - session.started, reading, settings)

    def stop(self, name: str) -> int:
        """Rows of a session that takes no more."""
        session = self._sessions.get(name)
        return len(session.recording) if session else 0

    def find(self, name: str) -> Recording | None:
        """A recording, or None when there is no such session."""
        session = self._sessions.get(name)
        return session.recording if session else None
