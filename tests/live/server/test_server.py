"""The server as strangers meet it: pages, photographs, bad inputs, and one real socket."""

import base64
import hashlib
import io
import json
import socket
import struct
import threading
import time
import zlib
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image
from simple_websocket import Client, ConnectionClosed, ConnectionError

from datasets.base.errors import InputError
from datasets.labels import FER7
from faces.video import Frame
from fer_models.classifier import Classifier
from live.engine import Engine
from live.model_loader import ModelLoader
from live.server.app import make_app, serve
from live.server.guard import COOKIE, is_loopback
from live.server.images import MOST_BYTES
from live.source import Source


class Blind(Classifier):
    """A black box that likes bright corners."""

    id, scheme, weights_sha256 = "blind.fer", FER7, "0"

    def _batch_logits(self, images):
        return images[:, 0, :7, 0]


def encoded(image, kind="JPEG", **options):
    data = io.BytesIO()
    Image.fromarray(image).save(data, kind, **options)
    return data.getvalue()


def png_header(width, height):
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def gif_of(count, side=64):
    """Many frames in few bytes."""
    frames = [Image.new("L", (side, side), i % 256) for i in range(count)]
    data = io.BytesIO()
    frames[0].save(data, "GIF", save_all=True, append_images=frames[1:])
    return data.getvalue()


@pytest.fixture(scope="module")
def app(engine):
    return make_app(engine)


@pytest.fixture
def client(app):
    return app.test_client()


def send(client, data, path="/api/photo", name="photo.jpg", **settings):
    form = {"photo": (io.BytesIO(data), name), "settings": json.dumps(settings)}
    return client.post(path, data=form, headers={"Host": "127.0.0.1"})


def test_pages_name_what_they_offer(client):
    for path in ("/", "/photo"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "tiny.ferplus" in answer.text and "gaussian_noise" in answer.text
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
    assert client.get("/static/live.js").status_code == 200
    assert client.get("/favicon.ico").status_code == 200


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_photo_answers_named_probabilities(client, portrait, kind):
    answer = send(client, encoded(portrait, kind))
    assert answer.status_code == 200
    (face,) = answer.json["faces"]
    assert set(face["box"]) == {"x", "y", "width", "height"}
    assert sum(face["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert face["label"] == max(face["probabilities"], key=face["probabilities"].get)
    assert (answer.json["width"], answer.json["model"]) == (256, "tiny.fer")


def test_photo_of_megabytes_is_read(client, portrait):
    large = np.repeat(np.repeat(portrait, 4, axis=0), 4, axis=1)
    noisy = large ^ np.random.default_rng(0).integers(0, 4, large.shape, np.uint8)
    data = encoded(noisy, "PNG")
    assert len(data) > 2**20
    assert len(send(client, data).json["faces"]) == 1


def test_photo_without_a_face_has_no_faces(client):
    grey = np.full((64, 64, 3), 128, np.uint8)
    answer = send(client, encoded(grey))
    assert (answer.status_code, answer.json["faces"]) == (200, [])


def test_sideways_photo_is_turned_by_its_exif(client, portrait):
    exif = Image.Exif()
    exif[0x0112] = 6  # the top is on the right
    wide = np.ascontiguousarray(np.rot90(portrait[:, 20:236]))
    assert len(send(client, encoded(wide, exif=exif)).json["faces"]) == 1


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (png_header(20_000, 20_000), 413, "pixels"),
        (png_header(9_000, 9_000), 413, "9000x9000"),
        (b"MZ\x90\x00" + bytes(2000), 415, "not a JPEG"),
        (b"", 415, "not a JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "not a JPEG"),
        (encoded(np.zeros((100, 100, 3), np.uint8))[:400], 400, "damaged"),
        (png_header(64, 64), 400, "damaged"),
        (encoded(np.zeros((4, 4, 3), np.uint8)), 400, "too few"),
        (bytes(MOST_BYTES + 1), 413, "MB"),
        (bytes(MOST_BYTES + 2**20), 413, "too large"),
    ],
    ids=["huge", "large", "exe", "empty", "svg", "cut", "hollow", "tiny", "heavy", "heavier"],
)
def test_bad_photo_is_refused_in_words_and_the_server_lives(client, portrait, data, status, words):
    answer = send(client, data)
    assert answer.status_code == status
    assert words in answer.json["error"]
    assert send(client, encoded(portrait)).status_code == 200


def test_only_the_first_of_many_frames_is_decoded(client):
    """3000 frames of 600x600 would take a gigabyte."""
    data = gif_of(300)
    assert send(client, data).status_code == 200


def test_request_without_a_photo_is_refused(client):
    answer = client.post("/api/photo", data={}, headers={"Host": "localhost"})
    assert (answer.status_code, "photo" in answer.json["error"]) == (400, True)


def test_wrong_settings_of_a_photo_are_refused(client, portrait):
    answer = send(client, encoded(portrait), eps=900)
    assert answer.status_code == 400
    assert "`eps`" in answer.json["error"]
    answer = send(client, encoded(portrait), model="nobody")
    assert "no model" in answer.json["error"]


def test_attacked_photo_comes_with_manifest_and_survival(client, portrait):
    data = encoded(portrait, "PNG")
    answer = send(client, data, "/api/photo/attack", attack="pgd", eps=16)
    assert answer.status_code == 200
    manifest = answer.json["manifest"]
    assert (manifest["eps"], manifest["perturbation"], manifest["norm"]) == (
        "16/255",
        "pgd",
        "linf",
    )
    assert manifest["faces"][0]["label"] != manifest["faces"][0]["attacked_label"]
    assert answer.json["survival"][0]["handling"] == "saved with 8 bits"
    assert all(len(line["faces"]) == 1 for line in answer.json["survival"])
    png = base64.b64decode(answer.json["picture"].partition(",")[2])
    assert hashlib.sha256(png).hexdigest() == manifest["sha256"]
    changed = np.asarray(Image.open(io.BytesIO(png))).astype(int) - portrait
    assert 0 < np.abs(changed).max() <= 16


def test_attacked_photo_survives_what_pictures_go_through(client, portrait):
    data = encoded(portrait, "PNG")
    answer = send(client, data, "/api/photo/attack", attack="pgd", eps=16, steps=20)
    assert [line["faces"][0]["fooled"] for line in answer.json["survival"]] == [True] * 4


@pytest.mark.parametrize(("attack", "eps"), [("universal", "8/255"), ("sticker", "1")])
def test_what_was_learnt_ahead_is_painted_into_the_photo(client, portrait, attack, eps):
    data = encoded(portrait, "PNG")
    answer = send(client, data, "/api/photo/attack", attack=attack, eps=8)
    assert answer.status_code == 200
    assert answer.json["note"] == ""
    assert (answer.json["manifest"]["eps"], answer.json["manifest"]["steps"]) == (eps, None)
    png = base64.b64decode(answer.json["picture"].partition(",")[2])
    changed = np.abs(np.asarray(Image.open(io.BytesIO(png))).astype(int) - portrait)
    assert 0 < changed.max() <= (8 if attack == "universal" else 255)


def test_attack_that_could_not_be_made_is_refused(portrait):
    """Gradients of a black box: no picture claims an attack. Noise and corruptions need none."""
    blind = ModelLoader(["blind.fer"])
    blind.add(Blind())
    client, data = make_app(Engine(blind)).test_client(), encoded(portrait, "PNG")
    refused = send(client, data, "/api/photo/attack", attack="pgd")
    assert (refused.status_code, list(refused.json)) == (400, ["error"])
    assert "needs gradients and blind.fer has none" in refused.json["error"]
    for attack in ("noise", "fog"):
        assert send(client, data, "/api/photo/attack", attack=attack).status_code == 200
    nobody = encoded(np.full((64, 64, 3), 128, np.uint8))
    assert send(client, nobody, "/api/photo/attack", attack="pgd").json["faces"] == []


def test_photo_attack_needs_an_attack(client, portrait):
    small = encoded(np.zeros((28, 28, 3), np.uint8))  # half of it is too small for a detector
    answer = send(client, small, "/api/photo/attack", attack="pgd")
    assert (answer.status_code, answer.json["faces"]) == (200, [])
    assert send(client, encoded(portrait), "/api/photo/attack").status_code == 400


def test_pictures_by_address_are_off(client):
    answer = client.post("/api/photo", data={"url": "http://example.com/a.png"})
    assert (answer.status_code, "--allow-url" in answer.json["error"]) == (403, True)


@pytest.mark.parametrize("path", ["/", "/ws", "/api/photo", "/session/x"])
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://[x", "http://127.0.0.1:1"]
)
def test_foreign_origin_is_turned_away(client, path, origin):
    headers = {"Origin": origin, "Host": "127.0.0.1:8765"}
    call = client.post if path.startswith("/api") else client.get
    assert call(path, headers=headers).status_code == 403


def test_own_origin_and_no_origin_pass(client):
    for headers in ({"Host": "127.0.0.1:8765", "Origin": "http://127.0.0.1:8765"}, {}):
        assert client.get("/", headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.168.1.4"])
def test_foreign_name_for_this_machine_is_turned_away(client, host):
    assert client.get("/", headers={"Host": host}).status_code == 403


def test_token_is_needed_elsewhere(engine):
    client = make_app(engine, token="sesame").test_client()
    assert client.get("/").status_code == 401
    assert client.get("/?token=wrong").status_code == 401
    assert client.get("/ws").status_code == 401
    assert client.post("/api/photo").status_code == 401
    assert client.get("/photo", headers={"Authorization": "Bearer sesame"}).status_code == 200
    welcome = client.get("/?token=sesame")
    assert (welcome.status_code, welcome.location) == (302, "/")
    cookie = welcome.headers["Set-Cookie"]
    assert COOKIE in cookie and "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_addresses_of_this_machine_alone(host, alone):
    assert is_loopback(host) is alone


@contextmanager
def served(app):
    server = serve(app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.port}"
    server.shutdown()
    thread.join(5)


@pytest.fixture(scope="module")
def address(app):
    with served(app) as address:
        yield address


def test_address_that_cannot_be_listened_on_is_one_line_with_its_reason(app, capfd):
    words = r"Address already in use\)\. Choose another --port"
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(InputError, match=words):
        serve(app, "127.0.0.1", taken.getsockname()[1])
    with pytest.raises(InputError, match="cannot listen on"):
        serve(app, 70 * "x", 0)  # no name of the internet has a part so long
    assert capfd.readouterr().err == ""


def connect(address, **headers):
    return Client(f"ws://{address}/ws", headers=headers)


def answer_of(socket):
    data = socket.receive(timeout=20)
    assert data is not None
    return json.loads(data)


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


def test_recording_is_kept_only_between_start_and_stop(address, client, portrait):
    socket = connect(address)
    socket.send(json.dumps({"settings": {"attack": "fgsm", "eps": 16}}))
    socket.send(encoded(portrait))
    assert answer_of(socket)["kind"] == "frame"
    socket.send('{"record": true}')
    assert answer_of(socket)["on"]
    for _ in range(3):
        socket.send(encoded(portrait))
        answer_of(socket)
    socket.send('{"record": false}')
    stopped = answer_of(socket)
    assert (stopped["rows"], stopped["on"]) == (3, False)
    page = client.get(f"/session/{stopped['session']}")
    assert page.status_code == 200 and "FER2013" in page.text
    csv = client.get(f"/session/{stopped['session']}/recording.csv").text
    assert len(csv.splitlines()) == 4
    assert csv.startswith("seconds,frame,face,x,y,width,height,model,label,angry")
    assert client.get(f"/session/{stopped['session']}/recording.parquet").data[:4] == b"PAR1"
    assert client.get("/session/other").status_code == 404
    assert client.get("/session/other/recording.csv").status_code == 404
    socket.close()


def record(socket, on):
    socket.send(json.dumps({"record": on}))
    return answer_of(socket)


def test_every_wish_to_record_is_answered(address):
    socket = connect(address)
    nothing = {"kind": "recording", "session": None, "on": False, "rows": 0, "full": False}
    assert record(socket, False) == nothing
    first, again = record(socket, True), record(socket, True)
    assert first == again and first["on"]
    assert record(socket, False)["session"] == first["session"]
    socket.close()


def test_full_recording_ends_and_says_so(address, portrait, monkeypatch):
    monkeypatch.setattr("live.recording.MOST_ROWS", 1)
    socket = connect(address)
    name = record(socket, True)["session"]
    socket.send(encoded(portrait))
    ended = answer_of(socket)
    assert ended == {"kind": "recording", "session": name, "on": False, "rows": 1, "full": True}
    assert answer_of(socket)["kind"] == "frame"
    socket.send(encoded(portrait))
    assert answer_of(socket)["kind"] == "frame"
    socket.close()


def test_lost_viewer_no_longer_records_and_gives_way_to_the_next(engine, monkeypatch):
    monkeypatch.setattr("live.server.sessions.MOST_SESSIONS", 1)
    with served(make_app(engine)) as address:
        one, two = connect(address), connect(address)
        assert record(one, True)["on"]
        assert "at most 1 recordings" in record(two, True)["error"]
        one.close()
        started = time.monotonic()
        while record(two, True)["kind"] == "error":
            assert time.monotonic() - started < 20
            time.sleep(0.05)
        two.close()


def test_clip_that_begins_again_is_recorded_frame_by_frame(engine, portrait, monkeypatch):
    clip = [Frame(i, 0.02 * i, portrait) for i in range(2)]
    monkeypatch.setattr("live.source.frames", lambda source: (frame for frame in clip))
    app = make_app(engine, source=Source(7))
    with served(app) as address:
        socket = connect(address)
        name = record(socket, True)["session"]
        socket.send('{"source": "server"}')
        for _ in range(2 * 5):  # each a picture and what was read in it
            assert socket.receive(timeout=20) is not None
        socket.close()
    csv = app.test_client().get(f"/session/{name}/recording.csv").text
    frames = [line.split(",")[1] for line in csv.splitlines()[1:]]
    assert frames == [str(i) for i in range(len(frames))] and len(frames) >= 5


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


def unplugged(source):
    raise InputError("no frame")


def test_viewer_who_answers_no_ping_loses_the_seat(engine, monkeypatch):
    """A laptop that was shut: its socket is open and silent."""
    monkeypatch.setattr("live.server.app.PING_SECONDS", 0.2)
    with served(make_app(engine)) as address:
        with socket.create_connection(address.split(":"), timeout=20) as raw:
            raw.sendall(
                f"GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\n"
                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
            )
            received = b""
            while part := raw.recv(4096):
                received += part
        frames = received.partition(b"\r\n\r\n")[2]
        assert (frames[0], frames[2]) == (0x89, 0x88)  # a ping of no bytes, then the end
