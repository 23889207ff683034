"""The server's own clip: its pace, its end, its size; and the command's checks."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.base.errors import InputError
from faces.video import Frame
from live.__main__ import _place, _serve, main
from live.mailbox import Mailbox
from live.source import FRAME_PIXELS, Source, fit


@pytest.fixture
def clip(tmp_path, portrait):
    """Half a second at 20 frames a second."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 20, (256, 256))
    for i in range(10):
        writer.write(np.roll(portrait, i, axis=1)[..., ::-1].copy())
    writer.release()
    return path


def test_clip_plays_at_its_pace_and_begins_again(clip):
    source, mailbox = Source(clip), Mailbox()
    start = time.monotonic()
    source.watch(mailbox)
    seen = [mailbox.take().index]
    while len(seen) < 2 or seen[-1] >= seen[-2]:
        seen.append(mailbox.take().index)
        assert time.monotonic() - start < 20
    assert time.monotonic() - start >= 0.4
    source.leave(mailbox)


@pytest.mark.parametrize("name", ["one.avi", "me.png"])
def test_only_frame_is_shown_at_a_pace(tmp_path, portrait, name):
    if name.endswith(".png"):
        cv2.imwrite(str(tmp_path / name), portrait)
    else:
        writer = cv2.VideoWriter(
            str(tmp_path / name), cv2.VideoWriter_fourcc(*"MJPG"), 20, (256, 256)
        )
        writer.write(portrait)
        writer.release()
    source, mailbox = Source(tmp_path / name), Mailbox()
    start = time.monotonic()
    source.watch(mailbox)
    for _ in range(6):
        assert mailbox.take(5).index == 0
    source.leave(mailbox)
    assert time.monotonic() - start >= 5 / 25


def test_one_thread_plays_for_who_leaves_and_comes_back(clip, monkeypatch):
    """The first thread still waits for the second frame when the viewer is back."""
    come = threading.Semaphore(0)

    def released(source):
        for i in range(60):
            come.acquire()
            yield Frame(i, 0.0, np.zeros((64, 64, 3), np.uint8))

    others = set(threading.enumerate())
    source, mailbox = Source(clip), Mailbox()
    monkeypatch.setattr("live.source.frames", released)
    source.watch(mailbox)
    come.release()
    assert mailbox.take(5).index == 0
    for _ in range(3):
        source.leave(mailbox)
        source.watch(mailbox)
    (player,) = set(threading.enumerate()) - others
    come.release()
    assert mailbox.take(5).index == 1
    source.leave(mailbox)
    come.release()
    player.join(5)
    source.watch(mailbox)
    come.release()
    assert mailbox.take(5).index == 0
    source.leave(mailbox)
    come.release()


def test_wrong_sources_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        Source(tmp_path / "none.mp4")
    (tmp_path / "text.mp4").write_text("no clip")
    with pytest.raises(InputError, match="no frame"):
        Source(tmp_path / "text.mp4")


def test_large_frames_are_made_smaller():
    large = np.zeros((2160, 3840, 3), np.uint8)
    height, width = fit(large).shape[:2]
    assert height * width <= FRAME_PIXELS * 1.01
    assert width / height == pytest.approx(16 / 9, rel=0.01)
    small = np.zeros((480, 640, 3), np.uint8)
    assert fit(small) is small


@pytest.mark.parametrize("source", ["99999999999", "²", "-1", "0.5", ""])
def test_a_number_that_is_no_camera(source):
    with pytest.raises(InputError, match="--source must be camera, a number from 0 to 9999"):
        _place(source)


def test_what_a_source_names(tmp_path, monkeypatch):
    assert (_place("camera"), _place("0"), _place("12")) == (None, 0, 12)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "20251122").touch()
    assert _place("20251122") == Path("20251122")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--source", "none.mp4"], "--source must be"),
        (["--model", "nobody"], "a model must be"),
        (["--port", "99999"], "port"),
        (["--out", "faces"], "--out is for faces saved in the --window; got faces"),
    ],
)
def test_wrong_options_are_one_line(arguments, words):
    command = [sys.executable, "-m", "live", "--no-browser", *arguments]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert found.returncode == 2
    assert words in found.stderr and len(found.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_server_says_so_and_ends_as_every_command(number, code):
    command = [sys.executable, "-m", "live", "--no-browser", "--port", "0"]
    before = signal.signal(number, signal.SIG_DFL)  # what a shell ignores, it would ignore, too
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    signal.signal(number, before)
    assert process.stdout.readline().startswith("http://127.0.0.1:")
    process.send_signal(number)
    _, said = process.communicate(timeout=120)
    assert (process.returncode, said.strip().splitlines()[-1]) == (code, "error: stopped")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("missing.keras", "no such file"),
        ("simple_cnn", "means 2: name simple_cnn.fer or simple_cnn.ferplus"),
        ("simple_cnn.fer,vgg_small.fer", "a model must be"),
        ("simple_cnn.fer+jpge75", "a defence must be"),
    ],
)
def test_no_page_is_served_of_what_is_not_one_model(model, words, monkeypatch):
    monkeypatch.setattr("live.__main__._serve", lambda *arguments: None)
    main(model="simple_cnn.fer+jpeg75")
    with pytest.raises(InputError, match=words):
        main(model=model)


def test_an_empty_host_is_not_every_address():
    with pytest.raises(InputError, match="--host must be an address; got ''"):
        main(host="", browser=False, model="nothing")


@pytest.mark.parametrize("option", [{"host": "0.0.0.0"}, {"port": 80}, {"allow_url": True}])
def test_options_of_the_page_are_refused_with_the_window(option):
    with pytest.raises(InputError, match="is for the page; got it with --window"):
        main(window=True, **option)


def test_page_without_flask_is_one_line(monkeypatch, models):
    for module in ("live.server.guard", "live.server.app"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "flask", None)
    with pytest.raises(InputError, match=r"needs flask, which is not installed: pip install"):
        _serve(models, None, "127.0.0.1", 0, False, False)
