"""Recordings over a real socket: start, stop, limits, lost viewers."""

import json
import time

from faces.video import Frame
from live.server.app import make_app
from live.source import Source
from tests.live.server.pictures import encoded
from tests.live.server.socket_client import answer_of, connect, record
from tests.live.serving import served


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


def test_every_wish_to_record_is_answered(address):
    socket = connect(address)
    nothing = {"kind": "recording", "session": None, "on": False, "rows": 0, "full": False}
    assert record(socket, False) == nothing
    first, again = record(socket, True), record(socket, True)
    assert first == again and first["on"]
    assert record(socket, False)["session"] == first["session"]
    socket.close()


def test_wish_to_record_meanwhile_tells_how_many_rows_there_are(address, portrait):
    socket = connect(address)
    assert record(socket, True)["rows"] == 0
    for rows in (1, 2):
        socket.send(encoded(portrait))
        assert answer_of(socket)["kind"] == "frame"
        assert record(socket, True)["rows"] == rows
    assert record(socket, False)["rows"] == 2
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
