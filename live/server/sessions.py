"""Recorded sessions of all viewers, in memory until the server ends or newer ones come."""

import secrets
import threading
from dataclasses import dataclass, field

from datasets.base.errors import InputError
from live.reading import Reading
from live.recording import Recording
from live.settings import Settings

MOST_SESSIONS = 8
"""The oldest that was stopped goes when one more starts."""


@dataclass
class _Session:
    started: float | None = None
    stopped: bool = False
    recording: Recording = field(default_factory=Recording)


class Sessions:
    """Recordings by name; the names cannot be guessed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, _Session] = {}

    def start(self) -> str:
        """Begin a session; its name.

        Raises:
            InputError: `MOST_SESSIONS` run already.
        """
        name = secrets.token_urlsafe(9)
        with self._lock:
            if len(self._sessions) >= MOST_SESSIONS:
                stopped = [known for known, session in self._sessions.items() if session.stopped]
                if not stopped:
                    raise InputError(
                        f"at most {MOST_SESSIONS} recordings run at once; stop one of them first."
                    )
                del self._sessions[stopped[0]]
            self._sessions[name] = _Session()
        return name

    def add(self, name: str, seconds: float, reading: Reading, settings: Settings) -> bool:
        """Add a frame taken at `seconds` of any clock; False when the session takes no more."""
        session = self._sessions.get(name)
        if session is None or session.stopped:
            return False
        session.started = seconds if session.started is None else session.started
        session.recording.add(seconds - session.started, reading, settings)
        return not session.recording.full

    def stop(self, name: str) -> Recording | None:
        """End a session; what it recorded."""
        session = self._sessions.get(name)
        if session is None:
            return None
        session.stopped = True
        return session.recording

    def find(self, name: str) -> Recording | None:
        """A recording, or None when there is no such session."""
        session = self._sessions.get(name)
        return session.recording if session else None
