"""One viewer's WebSocket.

The viewer sends binary messages, each an image (JPEG, PNG, ...), and JSON commands:

    {"settings": {...}}                 see `live.settings.Settings`; missing ones are defaults
    {"source": "server" | "browser"}    frames of the server's own clip or camera, or the viewer's
    {"record": true | false}

The server sends JSON messages with a `kind`: frame, recording or error. Frame numbers count the
viewer's binary messages from 1; of frames that arrive while another is processed, the newest is
kept. For a frame of the server's source, its JPEG is sent first as a binary message, and its number
is that in the clip. A message that is too long ends the connection with code 1009.
After a `source` faces are looked for anew: a page sends it before each camera, clip or picture.
"""

import json
import logging
import threading
import time
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from simple_websocket import ConnectionClosed, Server
from wsproto.utilities import LocalProtocolError

from datasets.base.errors import InputError
from faces.handling import jpeg
from faces.video import Frame
from live.engine import Engine
from live.mailbox import Mailbox
from live.server.answers import reading_json
from live.server.images import FRAME_BYTES, ImageError, decode
from live.server.sessions import Sessions
from live.settings import Settings, checked
from live.source import FRAME_PIXELS, SILENCE, Source

_LOG = logging.getLogger(__name__)
MOST_COMMAND = 10_000
"""Most characters of a JSON command."""


class Command(BaseModel):
    """A viewer's command."""

    model_config = ConfigDict(extra="forbid")

    settings: Settings | None = None
    source: Literal["server", "browser"] | None = None
    record: bool | None = None


@dataclass(frozen=True, eq=False)
class Arrival:
    """A frame sent by the viewer: its number, the file, and how many sources were chosen before."""

    number: int
    data: bytes
    source: int


class Viewer:
    """Receives on one thread; processes frames and sends results on another."""

    def __init__(
        self, socket: Server, engine: Engine, source: Source | None, sessions: Sessions
    ) -> None:
        self._socket, self._engine, self._source = socket, engine, source
        self._sessions = sessions
        self._mailbox: Mailbox[Arrival | Frame] = Mailbox()
        self._pipeline = engine.pipeline()
        self._settings = engine.defaults(Settings())
        self._sending = threading.Lock()
        self._received = self._chosen = 0
        self._seen: int | None = 0
        self._session: str | None = None
        self._watched: Source | None = None
        self._logged = ""

    def serve(self) -> None:
        """Serve the viewer until the connection closes."""
        reader = threading.Thread(target=self._answer_all, daemon=True, name="viewer")
        reader.start()
        try:
            while True:
                message = self._socket.receive()
                if isinstance(message, bytes | bytearray):
                    self._received += 1
                    self._mailbox.put(Arrival(self._received, bytes(message), self._chosen))
                elif message is not None:
                    self._obey(message)
        finally:
            if self._source:
                self._source.leave(self._mailbox)
            if self._session:
                self._sessions.stop(self._session)
            self._mailbox.close()
            reader.join(10)

    def _obey(self, text: str) -> None:
        try:
            if len(text) > MOST_COMMAND:
                raise InputError(
                    f"a command has at most {MOST_COMMAND} characters; got {len(text)}. Send less."
                )
            command = checked(Command, text)
            if command.settings is not None:
                self._choose(self._engine.defaults(command.settings))
            if command.source is not None:
                self._choose_source(command.source)
            if command.record is not None:
                self._record(command.record)
        except InputError as error:
            self._send({"kind": "error", "error": str(error)})

    def _choose(self, settings: Settings) -> None:
        """Take over settings; a model that is chosen anew is loaded anew if that failed before."""
        if settings.models != self._settings.models:
            self._engine.models.try_again(settings.models)
        self._settings = settings

    def _choose_source(self, name: str) -> None:
        self._chosen += 1
        if self._source is None:
            if name == "server":
                raise InputError("the server has no clip or camera; start it with --source.")
            return
        self._source.leave(self._mailbox)
        self._watched = self._source if name == "server" else None
        if self._watched:
            self._watched.watch(self._mailbox)

    def _record(self, on: bool) -> None:
        """Start or stop recording, and report the state even if it has not changed."""
        if on and self._session is None:
            self._session = self._sessions.start()
        name = self._session
        recording = None if name is None else self._sessions.find(name)
        if name is not None and not on:
            self._session = None
            self._sessions.stop(name)
        rows, full = (len(recording), recording.full) if recording else (0, False)
        self._send({"kind": "recording", "session": name, "on": on, "rows": rows, "full": full})

    def _answer_all(self) -> None:
        """Process the newest frame and send its results, until the mailbox closes."""
        try:
            while not self._mailbox.closed:
                arrival = self._mailbox.take(SILENCE)
                if arrival is not None:
                    self._answer(arrival)
                elif self._watched:
                    self._send({"kind": "error", "error": self._watched.silent})
        except ConnectionClosed:
            return

    def _answer(self, arrival: Arrival | Frame) -> None:
        number = arrival.number if isinstance(arrival, Arrival) else arrival.index
        try:
            answer = self._read(arrival)
        except (InputError, ImageError) as error:
            answer = {"kind": "error", "error": str(error)}
        except Exception as error:  # in a model, for example: the next frame is still processed
            answer = {"kind": "error", "error": self._log(error)}
        if answer["kind"] == "frame" and isinstance(arrival, Frame):
            self._send(jpeg(arrival.image))
        self._send({**answer, "frame": number})

    def _read(self, arrival: Arrival | Frame) -> dict[str, Any]:
        settings, began = self._settings, time.monotonic()
        if isinstance(arrival, Arrival):
            image = decode(arrival.data, most_bytes=FRAME_BYTES, most_pixels=FRAME_PIXELS)
            source: int | None = arrival.source
        else:
            image, source = arrival.image, None
        if source != self._seen:  # faces of one picture are not looked for in another
            self._pipeline.forget()
            self._seen = source
        reading = self._engine.read(self._pipeline, image, settings, began)
        name = self._session
        ended = name and not self._sessions.add(name, began, reading, settings)
        if ended and name == self._session:  # full, and not stopped by the viewer in the meantime
            self._record(False)
        return {"kind": "frame", "dropped": self._mailbox.dropped, **reading_json(reading)}

    def _log(self, error: Exception) -> str:
        """Describe an unexpected error in one line; its traceback is logged once, not per frame."""
        words, *_ = str(error).splitlines() or [""]
        line = f"This frame cannot be processed: {type(error).__name__}: {words[:200]}"
        if line != self._logged:
            _LOG.error("a frame cannot be processed", exc_info=error)
        self._logged = line
        return line

    def _send(self, message: dict[str, Any] | bytes) -> None:
        data = message if isinstance(message, bytes) else json.dumps(message)
        try:
            with self._sending:
                self._socket.send(data)
        except (OSError, LocalProtocolError) as error:  # the viewer has gone, or does not read
            raise ConnectionClosed from error
