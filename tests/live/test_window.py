"""The window without a screen: drawing, keys, saved faces, recordings."""

import cv2
import numpy as np
import pandas as pd
import pytest

from datasets.base.errors import InputError
from datasets.read import load
from faces.video import Frame
from live.collector import KEYS, Collector
from live.overlay import write_line
from live.window import Window, show


@pytest.fixture
def window(models, tmp_path):
    return Window(models, tmp_path)


def test_attack_adds_a_second_picture(window, portrait):
    assert window.show(portrait).shape == (256, 256, 3)
    window.press("2")
    drawn = window.show(portrait)
    assert drawn.shape == (256, 512, 3)
    assert not np.array_equal(drawn[:, :256], drawn[:, 256:])
    window.press("1")
    assert window.show(portrait).shape == (256, 256, 3)


def test_dots_of_a_note_are_letters_that_opencv_has():
    dotted, plain = (np.zeros((40, 300, 3), np.uint8) for _ in range(2))
    write_line(dotted, "Loading tiny.fer …", 20)
    write_line(plain, "Loading tiny.fer ...", 20)
    np.testing.assert_array_equal(dotted, plain)


def test_frame_of_the_camera_is_not_drawn_on(window, portrait):
    before = portrait.copy()
    window.press("l")
    window.show(portrait)
    np.testing.assert_array_equal(portrait, before)


def test_class_keys_save_crops_that_datasets_reads(window, portrait, tmp_path):
    window.show(portrait)
    for key in KEYS:
        assert window.press(key)
        assert "Saved" in window.message
    faces = load(tmp_path, "Training")
    assert faces.images.shape == (7, 48, 48, 1)
    assert sorted(faces.fer.tolist()) == list(range(7))


def test_numbers_go_on_where_they_stopped(tmp_path):
    face = np.zeros((48, 48, 1), np.uint8)
    first = Collector(tmp_path).save(face, "happy")
    second = Collector(tmp_path).save(face, "sad")
    assert (first.name, second.name) == ("0.png", "1.png")


def test_no_face_saves_nothing(window, tmp_path):
    window.show(np.full((240, 320, 3), 128, np.uint8))
    window.press("h")
    assert window.message == "No face to save."
    assert list(tmp_path.iterdir()) == []


def test_keys_change_the_settings(window):
    assert window.settings.model == "tiny.fer"
    for key in "m3+lb":
        assert window.press(key)
    chosen = window.settings
    assert (chosen.model, chosen.attack, chosen.eps) == ("tiny.ferplus", "pgd", 5)
    assert chosen.landmarks and chosen.both_eyes
    for _ in range(9):
        window.press("-")
    assert window.settings.eps == 0
    assert not window.press("q")
    assert not window.press("\x1b")


def test_model_that_cannot_be_loaded_is_a_note_until_it_is_repaired(repairable, portrait, tmp_path):
    window = Window(repairable, tmp_path)
    for key in "mm":  # tiny.ferplus, then mine.fer
        window.press(key)
    with pytest.raises(InputError, match="damaged"):
        repairable.wait("mine.fer")
    window.show(portrait)
    assert window._reading.note == "mine.fer: the file is damaged. Save it again."
    repairable.repaired = True
    for key in "mmm":
        window.press(key)
    assert repairable.wait("mine.fer").id == "mine.fer"
    window.show(portrait)
    assert window._reading.faces[0].answers[0].model == "mine.fer"


def test_recording_is_written_at_the_second_press(window, portrait, tmp_path):
    window.show(portrait)
    window.press("r")
    window.show(portrait)
    assert list(tmp_path.iterdir()) == []
    window.press("r")
    (file,) = tmp_path.glob("session-*.csv")
    assert len(pd.read_csv(file)) == 1


def test_full_recording_is_written(window, portrait, tmp_path, monkeypatch):
    monkeypatch.setattr("live.recording.MOST_ROWS", 1)
    window.press("r")
    window.show(portrait)
    (file,) = tmp_path.glob("session-*.csv")
    assert len(pd.read_csv(file)) == 1
    assert window.message.startswith("Full: wrote") and window.recording is None


def test_no_screen_is_one_line(models, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="no screen"):
        show(models, 0, tmp_path)


class Camera:
    """One frame of the portrait, then nothing."""

    silent = "No frames from camera 0."

    def __init__(self, image):
        self.image = image

    def watch(self, mailbox):
        mailbox.put(Frame(0, 0.0, self.image))

    def leave(self, mailbox):
        pass


@pytest.fixture
def screen(portrait, monkeypatch):
    """A screen that keeps what it was shown, and the keys that are pressed on it."""
    pressed = iter("r2q")
    shown = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("live.window.Source", lambda source: Camera(portrait))
    for name in ("namedWindow", "destroyAllWindows"):
        monkeypatch.setattr(cv2, name, lambda *arguments: None)
    monkeypatch.setattr(cv2, "imshow", lambda title, image: shown.append(image))
    monkeypatch.setattr(cv2, "waitKey", lambda wait: ord(next(pressed)))
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *arguments: 1.0)
    return shown


def test_recording_that_runs_is_written_when_the_window_is_quit(models, tmp_path, screen, capsys):
    show(models, 0, tmp_path)
    (file,) = tmp_path.glob("session-*.csv")
    assert str(file) in capsys.readouterr().err


def test_recording_that_runs_is_written_when_the_window_fails(
    models, tmp_path, screen, monkeypatch
):
    monkeypatch.setattr("live.window.Window.press", fail_at_two)
    with pytest.raises(RuntimeError, match="two"):
        show(models, 0, tmp_path)
    assert len(list(tmp_path.glob("session-*.csv"))) == 1


def fail_at_two(window, key, press=Window.press):
    if key == "2":
        raise RuntimeError("two")
    return press(window, key)


def test_window_without_frames_says_so_and_obeys_its_keys(models, tmp_path, screen, monkeypatch):
    monkeypatch.setattr("live.window.SILENCE", 0.15)
    show(models, 0, tmp_path)
    assert len(screen) == 3
    first, _, last = screen
    assert not np.array_equal(first, last)
    np.testing.assert_array_equal(first[60:], last[60:])
