"""Hostile clips and what is kept of their readings: FFmpeg says what is wrong, or frames end."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.video.clip import open_clip
from live.video.reading_folder import READING, read_description
from live.video.speech.lexicon import load_lexicon
from live.video.speech.spoken import SPEECH, read_speech
from live.video.speech.words import COLUMNS, WORDS, read_words
from tests.fuzz.hostile import damage, damaged, fuzz, inputs, survives
from tests.live.video.made_clips import grey, write_clip

CONTAINERS = {"mp4": "libx264", "mkv": "libx264", "avi": "mpeg4", "gif": "gif"}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder, found = tmp_path_factory.mktemp("clips"), {}
    for form, codec in CONTAINERS.items():
        path = folder / f"whole.{form}"
        if form == "gif":
            from PIL import Image

            first, *others = [Image.fromarray(grey(level)) for level in (10, 90, 170)]
            first.save(path, save_all=True, append_images=others)
        else:
            sound = 0.2 if form == "mp4" else 0.0
            write_clip(path, [grey(level) for level in (10, 90, 170)], codec=codec, sound=sound)
        found[form] = path.read_bytes()
    return found


def read_clip(path):
    with open_clip(path) as clip:
        count = sum(1 for _ in clip.frames())
        assert clip.notes is not None
        return count


def test_whole_clips_are_read(clips, tmp_path):
    for form, data in clips.items():
        path = tmp_path / f"whole.{form}"
        path.write_bytes(data)
        assert read_clip(path) >= 3


@pytest.mark.parametrize("form", CONTAINERS)
@inputs(len(CONTAINERS))
@given(steps=damage)
def test_clips(form, clips, tmp_path, steps):
    path = tmp_path / f"clip.{form}"
    path.write_bytes(damaged(clips[form], steps))
    survives(lambda: read_clip(path), tmp_path)


@fuzz
@given(steps=damage)
def test_descriptions_of_readings(tmp_path, steps):
    whole = json.dumps({"version": 1, "clip": "a.mp4", "models": ["tiny.fer"], "eps": 4.0})
    (tmp_path / READING).write_bytes(damaged(whole.encode(), steps))
    survives(lambda: read_description(tmp_path), tmp_path)


SPOKEN = {
    **{"model": "tiny", "language": "en", "lexicon": "VADER", "lexicon_version": "3"},
    **{"languages": ["en"], "notes": ["No sound."]},
}
TABLE = f"{','.join(COLUMNS)}\n0.1,0.4,joy,0.9,0,0.5,happy,happy,agrees\n0.5,0.7,and,0.9,0,,,,\n"


@fuzz
@given(steps=damage, table=st.booleans())
def test_words_of_a_clip(tmp_path, steps, table):
    spoken, words = json.dumps(SPOKEN).encode(), TABLE.encode()
    (tmp_path / SPEECH).write_bytes(spoken if table else damaged(spoken, steps))
    (tmp_path / WORDS).write_bytes(damaged(words, steps) if table else words)
    survives(lambda: read_words(tmp_path) if table else read_speech(tmp_path), tmp_path)


@fuzz
@given(steps=damage)
def test_lexicons(tmp_path, steps):
    pytest.importorskip("vaderSentiment")
    path = tmp_path / "lexicon.csv"
    path.write_bytes(damaged(b"word,emotion,weight\njoy,happy,1\ngrave,sad,0\nfar,trust\n", steps))
    survives(lambda: load_lexicon(path), tmp_path)


def test_frames_are_rgb(clips, tmp_path):
    path = tmp_path / "whole.mp4"
    path.write_bytes(clips["mp4"])
    with open_clip(path) as clip:
        assert all(frame.image.dtype == np.uint8 for frame in clip.frames())
