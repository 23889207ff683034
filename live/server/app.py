"""The server: the page, the socket, photographs and recorded sessions."""

import io
import json
import threading
from contextlib import redirect_stderr
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Flask, Response, abort, jsonify, render_template, request, send_file
from flask_sock import Sock
from simple_websocket import Server
from werkzeug.exceptions import HTTPException, NotFound, RequestEntityTooLarge
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from wsproto.utilities import RemoteProtocolError

from attacks.registry import CORRUPTIONS
from datasets.base.errors import InputError
from datasets.base.percentages import in_percent
from faces.detectors import DETECTORS
from live.clock import end_of_axis
from live.engine import Engine
from live.recording import Recording
from live.server.clip_routes import add_clips
from live.server.clips import Clips
from live.server.fetch import fetch
from live.server.guard import guard
from live.server.images import FRAME_BYTES, MOST_BYTES, ImageError, decode
from live.server.photo import attack_photo, photo_json, read_photo
from live.server.sessions import Sessions
from live.server.timed_socket import TimedSocket
from live.server.viewer import Viewer
from live.settings import ATTACKS, DEFENCES, MOST_EPS, Settings, parse_settings
from live.source import Source
from live.summary import summarise

MOST_VIEWERS = 16
TRY_AGAIN = 1013
"""Close code of a viewer for whom there is no seat. Source: IANA's registry of WebSocket."""
PING_SECONDS = 25.0
"""Seconds between pings; a viewer who misses one, or reads nothing for so long, is disconnected."""
FORM_BYTES = 2**20
"""Bytes allowed for the form around a photograph."""


def make_app(
    engine: Engine,
    *,
    source: Source | None = None,
    token: str | None = None,
    allow_url: bool = False,
    clips: Clips | None = None,
) -> Flask:
    """Build the server.

    Args:
        engine: processes frames.
        source: a clip or camera on the server.
        token: token that viewers need; None if only this machine can connect.
        allow_url: let viewers load images by URL.
        clips: reads the clips that viewers upload; None makes one.
    """
    app = Flask(__name__)
    app.jinja_env.filters |= {"in_percent": in_percent, "end_of_axis": end_of_axis}
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES + FORM_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = FORM_BYTES
    app.json.sort_keys = False  # classes in the model's order
    app.config["SOCK_SERVER_OPTIONS"] = {
        "max_message_size": FRAME_BYTES,
        "receive_bytes": 2**16,
        "ping_interval": PING_SECONDS,
    }
    guard(app, token)
    _answer_errors(app)
    sessions = Sessions()
    _add_pages(app, engine, source, allow_url)
    _add_photos(app, engine, allow_url)
    choices = partial(options, engine, source, allow_url)
    add_clips(app, engine, clips or Clips(engine), choices)
    _add_sessions(app, sessions)
    seats = threading.BoundedSemaphore(MOST_VIEWERS)

    def talk(socket: Server) -> None:
        if not seats.acquire(blocking=False):
            words = f"{MOST_VIEWERS} viewers are connected, the most at once. Close another page."
            socket.send(json.dumps({"kind": "error", "error": words}))
            socket.close(TRY_AGAIN, words)
            return
        try:
            socket.sock = TimedSocket(socket.sock, PING_SECONDS)
            Viewer(socket, engine, source, sessions).serve()
        finally:
            seats.release()

    Sock(app).route("/ws")(talk)
    return app


def serve(app: Flask, host: str, port: int) -> BaseWSGIServer:
    """Return a listening server; call its `serve_forever`. Port 0 takes a free one.

    Raises:
        InputError: the port is in use, or the host is not an address of this machine.
    """
    try:
        with redirect_stderr(io.StringIO()):  # werkzeug prints the reason itself, and exits
            return make_server(host, port, app, threaded=True, request_handler=_Quiet)
    except (OSError, UnicodeError, SystemExit) as error:
        reason = error.__context__ if isinstance(error, SystemExit) else error
        raise InputError(
            f"cannot listen on {host}:{port} ({getattr(reason, 'strerror', reason)}). "
            "Choose another --port or --host."
        ) from None


def options(engine: Engine, source: Source | None, allow_url: bool) -> dict[str, Any]:
    """Choices for the controls of the page."""
    models = [
        {"id": choice.id, "label_set": choice.label_set, "classes": choice.classes}
        for choice in engine.models.choices
    ]
    return {
        "models": models,
        "second": engine.models.counterpart(engine.first),
        "attacks": list(ATTACKS),
        "with_steps": [name for name, option in ATTACKS.items() if option],
        "corruptions": list(CORRUPTIONS),
        "most_eps": MOST_EPS,
        "defences": list(DEFENCES),
        "detectors": list(DETECTORS),
        "source": source.name if source else None,
        "allow_url": allow_url,
        "defaults": engine.defaults(Settings()).model_dump(),
    }


def _add_pages(app: Flask, engine: Engine, source: Source | None, allow_url: bool) -> None:
    @app.get("/")
    def live() -> str:
        return render_template("live.html", options=options(engine, source, allow_url))

    @app.get("/photo")
    def photo() -> str:
        return render_template("photo.html", options=options(engine, source, allow_url))

    @app.get("/favicon.ico")
    def icon() -> Response:
        return app.send_static_file("icon.svg")


def _add_photos(app: Flask, engine: Engine, allow_url: bool) -> None:
    @app.post("/api/photo")
    def read() -> Response:
        settings = engine.defaults(_settings()).model_copy(update={"attack": ""})
        image = decode(_uploaded(allow_url))
        return jsonify(photo_json(read_photo(engine, image, settings), settings))

    @app.post("/api/photo/attack")
    def attack() -> Response:
        settings = _settings()
        if not settings.attack:
            raise InputError("`attack` is empty; choose an attack.")
        return jsonify(attack_photo(engine, decode(_uploaded(allow_url)), settings))


def _settings() -> Settings:
    return parse_settings(request.form.get("settings", "{}"))


def _uploaded(allow_url: bool) -> bytes:
    """Return the file of the request."""
    url = request.form.get("url")
    if url:
        if not allow_url:
            abort(403, "Images by URL are off; start the server with --allow-url.")
        return fetch(url)
    file = request.files.get("photo")
    if file is None:
        raise InputError("send the image as the multipart field `photo`.")
    return file.stream.read(MOST_BYTES + 1)


def _add_sessions(app: Flask, sessions: Sessions) -> None:
    @app.get("/session/<name>")
    def session(name: str) -> str:
        recording = _found(sessions, name)
        return render_template("session.html", name=name, summary=summarise(recording.table()))

    @app.get("/session/<name>/recording<any('.csv','.parquet'):ending>")
    def download(name: str, ending: str) -> Response:
        recording = _found(sessions, name)
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"recording{ending}"
            recording.write(path)
            data = io.BytesIO(path.read_bytes())
        return send_file(data, as_attachment=True, download_name=f"deadpan-{name}{ending}")


def _found(sessions: Sessions, name: str) -> Recording:
    recording = sessions.find(name)
    if recording is None:
        raise NotFound("There is no such session, or newer ones have replaced it.")
    return recording


def _answer_errors(app: Flask) -> None:
    """Return errors as JSON for programs and as text for people."""

    def say(message: str, status: int) -> tuple[Response, int]:
        if request.path.startswith("/api/"):
            return jsonify({"error": message}), status
        return Response(f"{message}\n", mimetype="text/plain"), status

    @app.errorhandler(InputError)
    def input_error(error: InputError) -> tuple[Response, int]:
        return say(str(error), 400)

    @app.errorhandler(ImageError)
    def image_error(error: ImageError) -> tuple[Response, int]:
        return say(str(error), error.status)

    @app.errorhandler(RemoteProtocolError)
    def handshake_error(error: RemoteProtocolError) -> tuple[Response, int]:
        return say(f"This is not a WebSocket handshake: {error}.", 400)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> tuple[Response, int]:
        words = error.description or error.name
        if words == RequestEntityTooLarge.description:
            words = f"The file is too large; at most {MOST_BYTES // 2**20} MB are accepted."
        return say(words, error.code or 500)


class _Quiet(WSGIRequestHandler):
    """Logs no requests, so that a token never ends up in a log."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing."""
