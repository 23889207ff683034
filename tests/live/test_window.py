"""The window without a screen: drawing, keys, saved faces, recordings."""

import numpy as np
import pandas as pd
import pytest

from datasets.errors import InputError
from datasets.read import load
from live.collector import KEYS, Collector
from live.window import Window, show


@pytest.fixture
def window(shelf, tmp_path):
    return Window(shelf, tmp_path)


def test_attack_adds_a_second_picture(window, portrait):
    assert window.show(portrait).shape == (256, 256, 3)
    window.press("2")
    drawn = window.show(portrait)
    assert drawn.shape == (256, 512, 3)
    assert not np.array_equal(drawn[:, :256], drawn[:, 256:])
    window.press("1")
    assert window.show(portrait).shape == (256, 256, 3)


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


def test_recording_is_written_at_the_second_press(window, portrait, tmp_path):
    window.show(portrait)
    window.press("r")
    window.show(portrait)
    assert list(tmp_path.iterdir()) == []
    window.press("r")
    (file,) = tmp_path.glob("session-*.csv")
    assert len(pd.read_csv(file)) == 1


def test_no_screen_is_one_line(shelf, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="no screen"):
        show(shelf, 0, tmp_path)
