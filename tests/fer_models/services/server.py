"""An HTTP service on this machine's loopback, as a test wants it to answer."""

import base64
import io
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


class Fault(NamedTuple):
    """What is sent instead of an answer."""

    status: int
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = ()


def softmax_of_pixels(image: np.ndarray) -> list[float]:
    """Probabilities of seven classes that depend on every pixel of an image uint8 (h, w, c)."""
    weights = np.random.default_rng(7).standard_normal((image.size, 7))
    logits = (image.reshape(-1) / 255 - 0.5) @ weights
    shares = np.exp(logits - logits.max())
    return [float(share) for share in shares / shares.sum()]


class Server:
    """A running service.

    Attributes:
        url: of the service.
        answer: makes the JSON of the images of a request.
        faults: sent first, one per request.
        seen: how often each image was asked about, by its bytes.
        requests: headers of every request.
        sizes: images of every answered request.
    """

    def __init__(self, answer: Callable[[list[np.ndarray]], Any]) -> None:
        self.answer = answer
        self.faults: list[Fault] = []
        self.always: Fault | None = None
        self.seen: Counter[bytes] = Counter()
        self.requests: list[Message] = []
        self.sizes: list[int] = []
        self.url = ""
        self.lock = threading.Lock()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing of clients that hang up."""


@contextmanager
def serving(answer: Callable[[list[np.ndarray]], Any]) -> Iterator[Server]:
    """Run a service until the block ends."""
    server = Server(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with server.lock:
                server.requests.append(self.headers)
                fault = server.faults.pop(0) if server.faults else server.always
            if fault and fault.status == 0:  # hang up
                self.close_connection = True
                return
            if fault:
                self.reply(*fault)
                return
            images = decoded(body, self.headers["Content-Type"])
            with server.lock:
                server.seen.update(image.tobytes() for image in images)
                server.sizes.append(len(images))
            self.reply(200, json.dumps(server.answer(images)).encode(), ())

        def reply(self, status: int, body: bytes, headers: tuple[tuple[str, str], ...]) -> None:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    http = _Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_port}/predict"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def decoded(body: bytes, media_type: str) -> list[np.ndarray]:
    """Images uint8 (h, w, c) of a request in any form that the tests send."""
    if media_type == "image/png":
        return [_png(body)]
    if media_type.startswith("multipart/form-data"):
        head = f"Content-Type: {media_type}\r\n\r\n".encode()
        form = BytesParser().parsebytes(head + body)
        return [_png(bytes(part.get_payload(decode=True))) for part in form.get_payload()]  # type: ignore[union-attr]
    sent = json.loads(body)
    images = sent.get("instances") or [sent.get("image", sent.get("inputs"))]
    images = [one["b64"] if isinstance(one, dict) else one for one in images]
    return [
        _png(base64.b64decode(one)) if isinstance(one, str) else np.array(one, np.uint8)
        for one in images
    ]


def _png(data: bytes) -> np.ndarray:
    image = np.asarray(Image.open(io.BytesIO(data)))
    return image[..., None] if image.ndim == 2 else image


def write_service(folder: Path, server: Server, name: str = "service", **fields: Any) -> Path:
    """The file of a service that takes 8x8 grey images and answers probabilities in order."""
    values: dict[str, Any] = {
        "url": server.url,
        "scores": "scores",
        "output": "probabilities",
        "classes": CLASSES,
        "height": 8,
        "width": 8,
        **fields,
    }
    path = folder / f"{name}.http.toml"
    path.write_text("".join(f"{key} = {_toml(value)}\n" for key, value in values.items()
                            if value is not None))  # fmt: skip
    return path


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}" = {_toml(one)}' for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)
