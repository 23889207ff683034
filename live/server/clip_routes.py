"""The page that takes a clip, and what programs ask: upload, progress, cancel, result."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import PurePosixPath
from socket import SHUT_RD
from threading import Event, Timer

from flask import Flask, Response, jsonify, render_template, request, send_from_directory
from werkzeug.exceptions import (
    ClientDisconnected,
    NotFound,
    RequestEntityTooLarge,
    RequestTimeout,
    ServiceUnavailable,
)
from werkzeug.wrappers import Response as BaseResponse

from datasets.base.errors import InputError
from live.engine import Engine
from live.server.clip_job import FINISHED, Job, State
from live.server.clips import MOST_BYTES, Clips, TooMany
from live.server.guard import POLICY
from live.settings import Settings, parse_settings
from live.video.request import ReadingRequest

PIECE = 2**16
SILENCE = 60.0
"""Seconds after which an upload is given up that sends less than a piece."""
MOST_TITLE = 100
UNUSED = ("repeat", "both_eyes", "many", "landmarks", "heat")
"""Settings of the live page that change nothing in a clip."""
RESULT_POLICY = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
"""The page of a clip carries its own style."""


def add_clips(
    app: Flask, engine: Engine, clips: Clips, options: Callable[[], dict[str, object]]
) -> None:
    """Add the routes of clips.

    Args:
        app: the server.
        engine: knows the default classifier.
        clips: reads them.
        options: makes the choices for the controls of the page.
    """

    @app.get("/clip")
    def clip_page() -> str:
        return render_template("upload.html", options={**options(), "most_bytes": MOST_BYTES})

    @app.post("/api/clip")
    def upload() -> tuple[Response, int]:
        request.max_content_length = MOST_BYTES
        if (request.content_length or 0) > MOST_BYTES:
            raise RequestEntityTooLarge(_too_large())
        settings = engine.defaults(_settings())
        try:
            job = clips.receive(_pieces(), _title(request.args.get("name", "")), settings)
        except TooMany as error:
            raise ServiceUnavailable(str(error)) from error
        return jsonify({"clip": job.name}), 202

    @app.get("/api/clip/<name>")
    def progress(name: str) -> Response:
        return jsonify(_progress(_found(clips, name)))

    @app.delete("/api/clip/<name>")
    def cancel(name: str) -> tuple[Response, int]:
        if not clips.remove(name):
            raise NotFound(_GONE)
        return jsonify({}), 200

    @app.get("/clip/<name>/", defaults={"file": "index.html"})
    @app.get("/clip/<name>/<file>")
    def result(name: str, file: str) -> BaseResponse:
        job = _found(clips, name)
        if job.state is not State.DONE:
            raise NotFound("This clip has not been read.")
        answer: BaseResponse = send_from_directory(job.result, file)
        answer.headers["Content-Security-Policy"] = RESULT_POLICY
        return answer


_GONE = "There is no such clip, or newer ones have replaced it."


def _settings() -> Settings:
    """The settings of a clip, with the detector of `python -m live.video` if they name none.

    Raises:
        InputError: wrong settings, or one that a clip does not use.
    """
    settings = parse_settings(request.args.get("settings", "{}"))
    for name in UNUSED:
        value = getattr(settings, name)
        if value != Settings.model_fields[name].default:
            raise InputError(f"`{name}` is not used for clips; got {value}. Leave it out.")
    if "detector" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"detector": ReadingRequest.detector})


def _found(clips: Clips, name: str) -> Job:
    job = clips.find(name)
    if job is None:
        raise NotFound(_GONE)
    return job


def _progress(job: Job) -> dict[str, object]:
    known: dict[str, object] = {"state": job.state, "done": job.done, "expected": job.expected}
    if job.state in FINISHED:
        known |= {"error": job.error} if job.error else {"page": f"/clip/{job.name}/"}
    return known


def _pieces() -> Iterator[bytes]:
    """The body of the request, piece by piece."""
    silent = Event()
    piece = _next_piece(silent)
    if not piece:
        raise InputError("send the clip as the body of the request; got nothing.")
    while piece:
        yield piece
        piece = _next_piece(silent)


def _next_piece(silent: Event) -> bytes:
    """Read on; `silent` is set once nothing comes any more."""
    connection = request.environ.get("werkzeug.socket")

    def give_up() -> None:
        silent.set()
        with suppress(OSError):
            connection.shutdown(SHUT_RD)

    timer = Timer(SILENCE, give_up)
    timer.daemon = True
    if connection is not None:
        timer.start()
    try:
        piece: bytes = request.stream.read(PIECE)
        return piece
    except RequestEntityTooLarge as error:
        raise RequestEntityTooLarge(_too_large()) from error
    except ClientDisconnected as error:
        if silent.is_set():
            raise RequestTimeout(f"The upload has stopped for {SILENCE:.0f} seconds.") from error
        raise
    finally:
        timer.cancel()


def _title(name: str) -> str:
    """What a clip is called on its page: the last part of its name, if that can be shown."""
    last = PurePosixPath(name.replace("\\", "/")).name
    shown = "".join(c for c in last if c.isprintable())[:MOST_TITLE]
    return shown or "clip"


def _too_large() -> str:
    return (
        f"The clip is too large; at most {MOST_BYTES // 2**20} MB are accepted. Cut it, or read it "
        "with python -m live.video."
    )
