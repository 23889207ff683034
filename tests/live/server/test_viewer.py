"""One viewer over a real socket: frames, settings, bad messages, silence."""

import json
import socket
import threading
import time

import numpy as np
import pytest
from simple_websocket import ConnectionClosed, ConnectionError

from datasets.base.errors import InputError
from faces.video import Frame
from live.server.app import make_app
from live.server.images import FRAME_BYTES
from live.source import Source
from tests.live.server.pictures import encoded, png_header
from tests.live.server.socket_client import answer_of, connect
from tests.live.serving import served


def test_socket_reads_frames_under_the_settings_sent(address, portrait):
    socket = connect(address)
    socket.send(encoded(portrait))
    first = answer_of(socket)
    assert (first["kind"], first["frame"], len(first["faces"])) == ("frame", 1, 1)
    assert "attacked" not in first["faces"][0]
    socket.send(json.dumps({"settings": {"attack": "fgsm", "second": "tiny.ferplus"}}))
    socket.send(encoded(portrait))
    (face,) = answer_of(socket)["faces"]
    assert [len(a["probabilities"]) for a in face["attacked"]["answers"]] == [7, 8]
    assert face["attacked"]["picture"].startswith("data:image/png;base64,")
    socket.close()


def test_newest_of_a_burst_is_answered_last_and_nothing_queues(address, portrait):
    socket = connect(address)
    frame = encoded(portrait)
    for _ in range(30):
        socket.send(frame)
    seen = []
    while not seen or seen[-1]["frame"] < 30:
        seen.append(answer_of(socket))
    assert len(seen) + seen[-1]["dropped"] == 30
    socket.close()


def test_another_picture_is_searched_whole_after_its_source(address, portrait):
    empty = np.full_like(portrait, 128)
    socket, counts = connect(address), []
    for picture in (np.hstack([portrait, empty]), np.hstack([portrait, portrait])):
        socket.send('{"source": "browser"}')
        socket.send(encoded(picture))
        counts.append(len(answer_of(socket)["faces"]))
    assert counts == [1, 2]
    socket.close()


def test_viewer_without_a_seat_is_told_why_the_connection_ends(engine, portrait, monkeypatch):
    monkeypatch.setattr("live.server.app.MOST_VIEWERS", 1)
    with served(make_app(engine)) as address:
        first = connect(address)
        first.send(encoded(portrait))
        assert answer_of(first)["kind"] == "frame"
        second = connect(address)
        assert answer_of(second)["error"].startswith("1 viewers are connected")
        with pytest.raises(ConnectionClosed) as closed:
            second.receive(timeout=20)
        assert closed.value.reason == 1013
        assert closed.value.message.startswith("1 viewers are connected")
        first.close()


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("hello", "Invalid JSON"),
        ('{"settings": {"eps": 99}}', "eps"),
        ('{"fly": true}', "fly"),
        ('{"source": "server"}', "--source"),
        ("x" * 20_000, "at most"),
        (b"MZ not a picture", "not a JPEG"),
        (png_header(20_000, 20_000), "pixels"),
    ],
)
def test_bad_message_gets_a_line_and_the_socket_lives(address, portrait, message, words):
    socket = connect(address)
    socket.send(message)
    refused = answer_of(socket)
    assert refused["kind"] == "error" and words in refused["error"]
    socket.send(encoded(portrait))
    assert answer_of(socket)["kind"] == "frame"
    socket.close()


def test_model_that_fails_is_a_line_a_frame_and_a_traceback_once(
    address, engine, portrait, monkeypatch, caplog
):
    def fail(images):
        raise FloatingPointError("tiny.fer answered NaN\nor infinity")

    socket, frame = connect(address), encoded(portrait)
    with monkeypatch.context() as broken:
        broken.setattr(engine.models.wait("tiny.fer"), "logits", fail)
        for number in (1, 2):
            socket.send(frame)
            answer = answer_of(socket)
            assert (answer["kind"], answer["frame"]) == ("error", number)
            assert "FloatingPointError: tiny.fer answered NaN" in answer["error"]
            assert "\n" not in answer["error"]
    socket.send(frame)
    assert answer_of(socket)["kind"] == "frame"
    assert [record.exc_info[0] for record in caplog.records] == [FloatingPointError]
    socket.close()


def test_too_heavy_message_ends_the_socket_not_the_server(address, portrait):
    socket = connect(address)
    with pytest.raises((ConnectionClosed, OSError)):
        socket.send(bytes(5 * 2**20))
        socket.receive(timeout=10)
        socket.send(b"more")
    other = connect(address)
    other.send(encoded(portrait))
    assert answer_of(other)["kind"] == "frame"
    other.close()


def test_message_that_is_just_too_long_ends_the_connection_with_its_code(address):
    socket = connect(address)
    socket.send(bytes(FRAME_BYTES + 1))
    with pytest.raises(ConnectionClosed) as closed:
        socket.receive(timeout=20)
    assert closed.value.reason == 1009


def test_foreign_page_cannot_open_the_socket(address):
    with pytest.raises(ConnectionError) as refused:
        connect(address, Origin="http://evil.example")
    assert refused.value.status_code == 403


def test_half_a_handshake_is_refused_in_words(address):
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        lines = ("GET /ws HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade")
        connection.sendall("\r\n".join((*lines, "", "")).encode())
        answer = connection.makefile("rb").read().decode()
    assert answer.startswith("HTTP/1.1 400") and "This is not a WebSocket handshake" in answer


def test_silence_of_the_servers_camera_is_said(engine, monkeypatch):
    monkeypatch.setattr("live.server.viewer.SILENCE", 0.1)
    frame = Frame(0, 0.0, np.zeros((64, 64, 3), np.uint8))
    monkeypatch.setattr("live.source.frames", lambda source: (frame for _ in range(1)))
    camera = Source(7)
    monkeypatch.setattr("live.source.frames", unplugged)
    with served(make_app(engine, source=camera)) as address:
        socket = connect(address)
        socket.send('{"source": "server"}')
        assert answer_of(socket)["error"].startswith("No frames from camera 7.")
        socket.send('{"source": "browser"}')
        socket.send('{"record": false}')
        while (answer := answer_of(socket))["kind"] == "error":
            pass
        assert answer["kind"] == "recording"
        assert socket.receive(timeout=0.4) is None
        socket.close()


def shaken_hands(address):
    """What a browser sends first."""
    return (
        f"GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()


def unplugged(source):
    raise InputError("no frame")


def test_viewer_who_never_reads_loses_the_seat(engine, monkeypatch):
    """The buffers between them fill, and then each send would wait for ever."""
    monkeypatch.setattr("live.server.app.PING_SECONDS", 2.0)
    noise = np.random.default_rng(0).integers(0, 255, (1080, 1920, 3), np.uint8)  # megabytes
    monkeypatch.setattr(
        "live.source.frames", lambda source: (Frame(i, i / 25, noise) for i in range(10**6))
    )
    others = set(threading.enumerate())

    def viewers():
        return [t for t in threading.enumerate() if t.name == "viewer" and t not in others]

    with served(make_app(engine, source=Source(7))) as address, socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", int(address.split(":")[1])))
        raw.sendall(shaken_hands(address))
        assert raw.recv(4096).startswith(b"HTTP/1.1 101")
        command = b'{"source": "server"}'
        raw.sendall(bytes([0x81, 0x80 | len(command), 0, 0, 0, 0]) + command)
        began = time.monotonic()
        while not viewers():
            assert time.monotonic() - began < 20
            time.sleep(0.05)
        while viewers():
            assert time.monotonic() - began < 60
            time.sleep(0.05)


def test_viewer_who_answers_no_ping_loses_the_seat(engine, monkeypatch):
    """A laptop that was shut: its socket is open and silent."""
    monkeypatch.setattr("live.server.app.PING_SECONDS", 0.2)
    with served(make_app(engine)) as address:
        with socket.create_connection(address.split(":"), timeout=20) as raw:
            raw.sendall(shaken_hands(address))
            received = b""
            while part := raw.recv(4096):
                received += part
        frames = received.partition(b"\r\n\r\n")[2]
        assert (frames[0], frames[2]) == (0x89, 0x88)  # a ping of no bytes, then the end
