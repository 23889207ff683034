"""Whisper itself: words of espeak-ng's voice at their times, and none where nobody speaks.

Needs espeak-ng, and a model: the folder in DEADPAN_WHISPER, or the local cache's `base`.
"""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets.base.errors import InputError
from live.video.parts import PARQUET
from live.video.speech.lexicon import load_lexicon
from live.video.speech.listener import Listener
from live.video.speech.samples import RATE, SoundTrack
from live.video.speech.spoken import write_speech
from live.video.speech.words import read_words
from tests.live.video.made_clips import grey, write_spoken

pytest.importorskip("faster_whisper")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="no espeak-ng on this machine"),
]
SECONDS = 20
OFFSET = 1.5
TEXT = "This is a wonderful day, and I love it. But yesterday was terrible."


@pytest.fixture(scope="module")
def listener():
    folder = os.environ.get("DEADPAN_WHISPER")
    if folder is None:
        try:
            return Listener(None)
        except InputError:
            pytest.skip("no Whisper model: DEADPAN_WHISPER names none, and the cache has none")
    return Listener(Path(folder))


def voice(folder, text):
    """Samples of espeak-ng's voice and their rate."""
    path = folder / "voice.wav"
    subprocess.run(["espeak-ng", "-s", "150", "-w", str(path), text], check=True)
    data = np.frombuffer(path.read_bytes()[44:], np.int16)
    return data / 32768, 22_050


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """A clip in which the voice begins after 1.5 s."""
    folder = tmp_path_factory.mktemp("spoken")
    sound, rate = voice(folder, TEXT)
    return write_spoken(folder / "a.mp4", [grey(90)] * 80, [(OFFSET, sound, rate)])


def test_words_are_recognised_at_their_times_in_the_clip(listener, spoken, tmp_path):
    rows = {"seconds": np.arange(80) / 10, "label": ["happy"] * 80}
    pd.DataFrame(rows).to_parquet(tmp_path / PARQUET)
    write_speech(spoken, tmp_path, listener, load_lexicon(None), lambda done, total: None)
    table = read_words(tmp_path)
    texts = [word.strip(".,").lower() for word in table["word"]]
    assert texts == [word.strip(".,").lower() for word in TEXT.split()]
    assert table["start"].iloc[0] == pytest.approx(OFFSET, abs=0.15)
    assert table["start"].is_monotonic_increasing
    assert (table["end"] > table["start"]).all() and table["probability"].between(0, 1).all()
    assert dict(zip(texts, table["agreement"]))["wonderful"] == "agrees"
    assert dict(zip(texts, table["agreement"]))["terrible"] == "opposite"
    assert table["phrase"].nunique() == 2


def test_sentence_that_is_said_again_and_again_is_heard_each_time_at_its_times(listener, tmp_path):
    sound, rate = voice(tmp_path, TEXT)
    pieces = [(begin, sound, rate) for begin in (0.0, 8.0, 16.0)]
    track = SoundTrack(write_spoken(tmp_path / "a.mkv", [grey(90)] * 250, pieces))
    starts = []
    for block in track.blocks():
        heard = listener.hear(block.samples)
        starts += [w.start + block.start for w in heard.words if w.text == "wonderful"]
    assert starts == pytest.approx([0.43, 8.43, 16.43], abs=0.15)


def music():
    """Four chords with decay, a melody with vibrato, and a drum on each second."""
    rng, time = np.random.default_rng(0), np.arange(SECONDS * RATE) / RATE
    chords = [(261.6, 329.6, 392), (220, 261.6, 329.6), (174.6, 220, 261.6), (196, 246.9, 293.7)]
    sound = np.zeros_like(time)
    for second in range(SECONDS):
        place = slice(second * RATE, (second + 1) * RATE)
        t, fade = time[place], np.exp(-2 * (time[place] - second))
        for pitch in chords[second % 4]:
            sound[place] += (
                sum(np.sin(2 * np.pi * pitch * h * t) / h for h in (1, 2, 3)) * fade / 10
            )
        lead = 2 * chords[second % 4][second % 3]
        sound[place] += 0.2 * np.sin(2 * np.pi * lead * t + 3 * np.sin(2 * np.pi * 5.5 * t)) * fade
        sound[place.start : place.start + 800] += 0.2 * rng.standard_normal(800)
    return sound


def chord():
    time = np.arange(SECONDS * RATE) / RATE
    return sum(np.sin(2 * np.pi * pitch * time) for pitch in (220, 277.2, 329.6)) / 6


def noise(kind):
    drawn = np.random.default_rng(1).standard_normal(SECONDS * RATE)
    return np.cumsum(drawn) / 300 if kind == "brown" else 0.2 * drawn


@pytest.mark.parametrize(
    "sound",
    [np.zeros(SECONDS * RATE), noise("white"), noise("brown"), chord(), music()],
    ids=["silence", "white", "brown", "chord", "music"],
)
def test_silence_noise_and_music_give_no_words(listener, sound):
    heard = listener.hear(sound.astype(np.float32).clip(-1, 1))
    assert heard.words == () and heard.language == ""


def test_language_that_the_model_does_not_know_is_refused(listener):
    folder = os.environ.get("DEADPAN_WHISPER")
    with pytest.raises(InputError, match="--language must be a code that the model knows"):
        Listener(folder and Path(folder), "klingon")
