"""Uploaded clips: what is refused, what is kept, and that everything has a bound."""

import io
import json
import socket
import time

import numpy as np
import pandas as pd
import pytest

from live.engine import Engine
from live.server import clip_routes, clips
from live.server.app import make_app
from live.server.clip_job import State
from live.server.clips import MOST_FINISHED, MOST_UNFINISHED, Clips
from live.video import command
from live.video.request import ReadingRequest
from tests.live.serving import served
from tests.live.video.made_clips import grey, write_clip, write_sound, write_unknown_sound

HERE = {"Host": "127.0.0.1"}


class Desk:
    """A server of its own, and where its clips lie."""

    def __init__(self, models):
        self.clips = Clips(Engine(models))
        self.app = make_app(self.clips._engine, clips=self.clips)
        self.client = self.app.test_client()

    def send(self, data, **query):
        known = {"settings": '{"model": "tiny.fer", "detector": "blazeface"}', **query}
        return self.client.post("/api/clip", data=data, query_string=known, headers=HERE)

    def ask(self, name):
        return self.client.get(f"/api/clip/{name}", headers=HERE)

    def finished(self, name):
        for _ in range(600):
            answer = self.ask(name).json
            if answer["state"] in (State.DONE, State.FAILED):
                return answer
            time.sleep(0.05)
        raise AssertionError(answer)

    @property
    def files(self):
        home = self.clips._home
        return [] if home is None else sorted(p.name for p in clips.Path(home.name).rglob("*"))


@pytest.fixture
def desk(models):
    desk = Desk(models)
    yield desk
    desk.clips.close()


@pytest.fixture(scope="module")
def clip(portrait, tmp_path_factory):
    images = [np.roll(portrait, i, axis=1) for i in range(12)]
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    return write_clip(path, images, rate=10, options={"movflags": "faststart"}).read_bytes()


def read_by_the_command(folder, clip, models):
    """Rows of `python -m live.video` with the same classifier."""
    (folder / "a.mp4").write_bytes(clip)
    request = ReadingRequest(clips=[folder / "a.mp4"], out=folder, model="tiny.fer")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "ModelLoader", lambda ids: models)
        command.read_clips(request, request.clips, lambda clip, folder: None)
    return pd.read_csv(folder / "a" / "faces.csv")


def test_clip_becomes_the_page_that_the_command_writes(desk, clip, models, tmp_path):
    answer = desk.send(clip, name="../../<b>me.mp4")
    assert answer.status_code == 202
    known = desk.finished(answer.json["clip"])
    assert known["page"] == f"/clip/{answer.json['clip']}/"
    page = desk.client.get(known["page"], headers=HERE)
    assert page.status_code == 200
    assert "was the most frequent prediction" in page.text
    assert "<b>&lt;b&gt;me.mp4</b> has 12 frames" in page.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    rows = pd.read_csv(io.BytesIO(desk.client.get(known["page"] + "faces.csv", headers=HERE).data))
    assert rows["label"].notna().sum() == 12 and set(rows["model"]) == {"tiny.fer"}
    assert rows.equals(read_by_the_command(tmp_path, clip, models))
    part = desk.client.get(known["page"] + "annotated.mp4", headers={**HERE, "Range": "bytes=0-9"})
    assert (part.status_code, len(part.data)) == (206, 10)
    assert "clip" not in desk.files  # the upload itself is gone


def test_models_and_attack_of_the_page_are_used(desk, clip):
    settings = (
        '{"model": "tiny.ferplus", "second": "tiny.fer", "attack": "fgsm", "eps": 8,'
        ' "detector": "blazeface"}'
    )
    known = desk.finished(desk.send(clip, settings=settings).json["clip"])
    page = desk.client.get(known["page"], headers=HERE).text
    assert "fgsm at eps 8/255" in page and "<b>tiny.fer</b> saw the same faces" in page


def test_clip_is_searched_as_by_the_command_if_no_detector_is_named(desk, clip):
    known = desk.finished(desk.send(clip, settings='{"model": "tiny.fer"}').json["clip"])
    page = desk.client.get(known["page"], headers=HERE).text
    assert "Faces were searched with blazeface" in page


@pytest.mark.parametrize(
    ("setting", "value"),
    [("many", False), ("both_eyes", True), ("repeat", 10), ("landmarks", True), ("heat", True)],
)
def test_settings_that_a_clip_does_not_use_are_refused(desk, clip, setting, value):
    answer = desk.send(clip, settings=json.dumps({"model": "tiny.fer", setting: value}))
    assert answer.status_code == 400
    assert answer.json["error"] == f"`{setting}` is not used for clips; got {value}. Leave it out."
    assert desk.files == []


@pytest.fixture(scope="module")
def bad(tmp_path_factory, clip):
    folder = tmp_path_factory.mktemp("bad")
    return {
        "exe": b"MZ\x90\x00" + bytes(5000),
        "nothing": b"",
        "sound": write_sound(folder / "a.m4a").read_bytes(),
        "no frame": write_clip(folder / "a.avi", [], codec="mpeg4").read_bytes(),
        "cut": clip[:700],
        "playlist": b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        "concat": b"ffconcat version 1.0\nfile /etc/passwd\n",
    }


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("exe", "Expected a complete clip that FFmpeg can read"),
        ("nothing", "got nothing"),
        ("sound", "Expected a clip with a video stream; found audio"),
        ("no frame", "Expected a clip with frames"),
        ("cut", "Expected a c"),
        ("playlist", "Expected a complete clip"),
        ("concat", "Expected a complete clip"),
    ],
)
def test_what_is_no_clip_is_refused_by_its_content(desk, clip, bad, kind, words):
    answer = desk.send(bad[kind], name="holiday.mp4")
    assert answer.status_code == 400
    assert words in answer.json["error"] and "\n" not in answer.json["error"]
    assert "/" not in answer.json["error"].replace("and/or", "")  # no path of the server
    assert desk.files == [] and desk.send(clip).status_code == 202


def test_clip_that_ends_early_is_read_as_far_as_it_goes(desk, tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (60, 48, 64, 3), np.uint8)
    whole = write_clip(tmp_path / "a.mp4", images, options={"movflags": "faststart"}).read_bytes()
    known = desk.finished(desk.send(whole[: len(whole) // 2]).json["clip"])
    assert "may have been cut short" in desk.client.get(known["page"], headers=HERE).text


def test_what_is_wrong_with_the_sound_is_on_the_page(desk, tmp_path):
    odd = write_unknown_sound(tmp_path / "a.mkv", [grey(80)] * 5).read_bytes()
    known = desk.finished(desk.send(odd).json["clip"])
    assert "FFmpeg does not know its codec" in desk.client.get(known["page"], headers=HERE).text


def test_clip_that_fails_while_it_is_read_says_why(desk, tmp_path):
    tiny = write_clip(tmp_path / "a.mp4", [grey(80, 8, 8)] * 3, codec="mpeg4").read_bytes()
    name = desk.send(tiny).json["clip"]
    known = desk.finished(name)
    assert known["error"].startswith("An image must be at least 16x16")
    assert desk.client.get(f"/clip/{name}/", headers=HERE).status_code == 404
    assert desk.files == []


def test_large_clip_is_refused_without_being_kept(desk, clip, monkeypatch):
    stated = {"CONTENT_LENGTH": str(clip_routes.MOST_BYTES + 1)}
    answer = desk.client.post("/api/clip", headers=HERE, environ_overrides=stated)
    assert answer.status_code == 413
    assert "at most 200 MB are accepted. Cut it" in answer.json["error"]
    monkeypatch.setattr(clip_routes, "MOST_BYTES", 1000)
    stream = {"wsgi.input": io.BytesIO(clip), "wsgi.input_terminated": True}
    answer = desk.client.post("/api/clip", headers=HERE, environ_overrides=stream)
    assert (answer.status_code, desk.files) == (413, [])
    assert "The clip is too large" in answer.json["error"]


@pytest.mark.parametrize(
    ("query", "words"),
    [({"settings": '{"eps": 900}'}, "`eps`"), ({"settings": '{"model": "x"}'}, "no model 'x'")],
)
def test_wrong_settings_are_refused(desk, clip, query, words):
    answer = desk.send(clip, **query)
    assert (answer.status_code, words in answer.json["error"]) == (400, True)
    assert desk.files == []


@pytest.mark.parametrize(
    "file", ["../clip", "..%2f..%2fclip", "%2e%2e/clip", "none", "/etc/passwd"]
)
def test_only_results_can_be_fetched(desk, clip, file):
    page = desk.finished(desk.send(clip).json["clip"])["page"]
    assert desk.client.get(page + file, headers=HERE).status_code == 404


@pytest.fixture
def blocked(desk, monkeypatch):
    """A desk whose worker reads nothing until it may."""
    may = clips.threading.Event()
    read = desk.clips._read

    def wait(job):
        report = job.progress(State.READING)
        while not may.wait(0.01):
            report(0, 1)
        read(job)

    monkeypatch.setattr(desk.clips, "_read", wait)
    yield desk, may
    may.set()


def test_clips_that_wait_are_bounded_and_so_are_results(blocked, clip):
    desk, may = blocked
    names = [desk.send(clip).json["clip"] for _ in range(MOST_UNFINISHED)]
    refused = desk.send(clip)
    assert (refused.status_code, "Try again later" in refused.json["error"]) == (503, True)
    may.set()
    assert all("page" in desk.finished(name) for name in names)
    more = [desk.send(clip).json["clip"] for _ in range(2)]
    assert all("page" in desk.finished(name) for name in more)
    kept = [name for name in (*names, *more) if desk.ask(name).status_code == 200]
    assert kept == [*names, *more][-MOST_FINISHED:]


def test_clip_can_be_cancelled_while_it_waits_and_while_it_is_read(blocked, clip):
    desk, may = blocked
    read, waits, stays = (desk.send(clip).json["clip"] for _ in range(3))
    for _ in range(200):
        if desk.ask(read).json["state"] == State.READING:
            break
        time.sleep(0.01)
    for name in (read, waits):
        assert desk.client.delete(f"/api/clip/{name}", headers=HERE).status_code == 200
    may.set()
    assert "page" in desk.finished(stays)
    for name in (read, waits):
        assert desk.ask(name).status_code == 404 and name not in desk.files
    assert desk.client.delete("/api/clip/none", headers=HERE).status_code == 404


def test_upload_that_breaks_off_leaves_nothing(desk, clip):
    with served(desk.app) as address:
        host, port = address.split(":")
        head = f"POST /api/clip HTTP/1.1\r\nHost: {address}\r\nContent-Length: {len(clip)}\r\n\r\n"
        with socket.create_connection((host, int(port))) as line:
            line.sendall(head.encode() + clip[: len(clip) // 2])
            for _ in range(200):
                if "clip" in desk.files:
                    break
                time.sleep(0.01)
            assert "clip" in desk.files
        for _ in range(200):
            if not desk.files:
                break
            time.sleep(0.01)
    assert desk.files == [] and desk.clips._jobs == {}


def test_upload_that_stops_is_given_up(desk, clip, monkeypatch, caplog):
    monkeypatch.setattr(clip_routes, "SILENCE", 0.2)
    with served(desk.app) as address:
        host, port = address.split(":")
        head = f"POST /api/clip HTTP/1.1\r\nHost: {address}\r\nContent-Length: {len(clip)}\r\n\r\n"
        with socket.create_connection((host, int(port)), timeout=10) as line:
            line.sendall(head.encode() + clip[:100])
            answer = line.recv(1000)
    assert b" 408 " in answer.splitlines()[0]
    assert caplog.records == []
    assert desk.files == [] and desk.clips._jobs == {}


def test_end_of_the_server_deletes_everything(models, clip):
    desk = Desk(models)
    desk.finished(desk.send(clip).json["clip"])
    home = clips.Path(desk.clips._home.name)
    assert home.exists()
    desk.clips.close()
    assert not home.exists() and not desk.clips._worker.is_alive()
