"""Recorded sessions of all viewers, in memory until the server stops or newer ones replace them."""

import secrets
import threading
from dataclasses import dataclass, field

from datasets.base.errors import InputError
from live.reading import Reading
from live.recording import Recording
from live.settings import Settings

MOST_SESSIONS = 8
"""The oldest stopped session is dropped when one more starts."""


@dataclass
class _Session:
    started: float | None = None
    stopped: bool = False
    recording: Recording = field(default_factory=Recording)


class Sessions:
    """Recordings by name; names cannot be guessed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, _Session] = {}

    def start(self) -> str:
        """Start a session and return its name.

        Raises:
            InputError: `MOST_SESSIONS` are already running.
        """
        name = secrets.token_urlsafe(9)
        with self._lock:
            if len(self._sessions) >= MOST_SESSIONS:
                stopped = [known for known, session in self._sessions.items() if session.stopped]
                if not stopped:
                    raise InputError(
                        f"at most {MOST_SESSIONS} recordings can run at once; stop one first."
                    )
                del self._sessions[stopped[0]]
            self._sessions[name] = _Session()
        return name

    def add(self, name: str, seconds: float, reading: Reading, settings: Settings) -> bool:
        """Add a frame taken at `seconds` on any clock; False if the session takes no more."""
        session = self._sessions.get(name)
        if session is None or session.stopped:
            return False
        session.started = seconds if session.started is None else session.started
        session.recording.add(seconds - session.started, reading, settings)
        return not session.recording.full

    def stop(self, name: str) -> Recording | None:
        """Stop a session and return its recording, or None if there is no such session."""
        session = self._sessions.get(name)
        if session is None:
            return None
        session.stopped = True
        return session.recording

    def find(self, name: str) -> Recording | None:
        """Return a recording, or None if there is no such session."""
        session = self._sessions.get(name)
        return session.recording if session else None
