"""Speech of a clip: its files, its part of the page, --resume, and one line for each mistake."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from datasets.base.errors import InputError
from live.video.parts import PARQUET
from live.video.speech.listener import Heard, Listener, Word, model_sha256
from live.video.speech.options import load_ears
from live.video.speech.samples import RATE, Block, SoundTrack
from live.video.speech.spoken import read_speech, write_speech
from live.video.speech.view import view_speech
from live.video.speech.words import read_words
from tests.live.video.made_clips import grey, write_clip, write_spoken
from tests.live.video.speech.test_words import Colours


class Parrot:
    """Hears the same two phrases in every block, half a second after its start."""

    name, sha256, language = "parrot", "1" * 64, ""
    heard = 0

    def hear(self, samples):
        assert samples.dtype == np.float32
        self.heard += 1
        words = (("gold", 0), ("table", 0), ("<grey>", 1), ("grey", 1))
        found = [Word(0.5 + i / 10, 0.6 + i / 10, w, 0.9, p) for i, (w, p) in enumerate(words)]
        return Heard("en", tuple(found))


@pytest.fixture
def folder(tmp_path):
    rows = {"seconds": np.arange(50) / 10, "label": ["happy"] * 30 + ["sad"] * 20}
    pd.DataFrame(rows).to_parquet(tmp_path / PARQUET)
    return tmp_path


@pytest.fixture
def clip(tmp_path):
    sound = [(1.0, 0.3 * np.ones(RATE), RATE)]
    return write_spoken(tmp_path / "a.mkv", [grey(90)] * 50, sound)


def nothing(done, total):
    assert done <= total


def test_words_have_the_times_of_the_clip_and_phrases_are_counted_through(
    folder, clip, monkeypatch
):
    silence = np.zeros(RATE, np.float32)
    blocks = [Block(1.0, silence), Block(3.0, silence)]
    monkeypatch.setattr(SoundTrack, "blocks", lambda track: iter(blocks))
    write_speech(clip, folder, Parrot(), Colours(), nothing)
    table = read_words(folder)
    assert table["start"].tolist() == [1.5, 1.6, 1.7, 1.8, 3.5, 3.6, 3.7, 3.8]
    assert table["phrase"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    agreement = dict(zip(table["start"], table["agreement"]))
    assert (agreement[1.5], agreement[1.8]) == ("agrees", "opposite")
    assert (agreement[3.5], agreement[3.8]) == ("opposite", "agrees")
    assert read_speech(folder).languages == ("en",)


def test_page_shows_words_at_their_times(folder, clip):
    write_speech(clip, folder, Parrot(), Colours(), nothing)
    view = view_speech(folder, pd.read_parquet(folder / PARQUET))
    assert (view.count, view.rated, view.shares.agrees.value) == (4, 2, 0.5)
    assert view.seconds == pytest.approx(4.9)
    gold, grey_bar = view.bars
    assert (gold.tone, gold.fits, grey_bar.tone, grey_bar.fits) == (
        *("pleasant", True),
        *("unpleasant", False),
    )
    assert gold.x == pytest.approx(1.5 / 4.9, abs=1e-3)
    assert sum(share > 0 for share in view.pleasant) > sum(share > 0 for share in view.unpleasant)
    assert [phrase["time"] for phrase in view.phrases] == ["0:01.5", "0:01.7"]


def test_times_on_the_page_are_rounded_before_they_are_split(folder, clip, monkeypatch):
    blocks = [Block(start - 0.5, np.zeros(RATE, np.float32)) for start in (-0.2, 59.97, 3600)]
    monkeypatch.setattr(SoundTrack, "blocks", lambda track: iter(blocks))
    write_speech(clip, folder, Parrot(), Colours(), nothing)
    assert read_words(folder)["start"].iloc[0] == 0
    view = view_speech(folder, pd.read_parquet(folder / PARQUET))
    times = [phrase["time"] for phrase in view.phrases]
    assert times == ["0:00.0", "0:00.0", "1:00.0", "1:00.2", "1:00:00.0", "1:00:00.2"]


def test_same_words_are_not_recognised_twice(folder, clip):
    parrot = Parrot()
    write_speech(clip, folder, parrot, Colours(), nothing)
    write_speech(clip, folder, parrot, Colours(), nothing)
    assert parrot.heard == 1
    other = Colours()
    other.version = "2"
    write_speech(clip, folder, parrot, other, nothing)
    assert parrot.heard == 2
    assert json.loads((folder / "speech.json").read_text())["lexicon_version"] == "2"


def test_words_of_another_model_of_the_same_name_are_not_kept(folder, clip):
    parrot = Parrot()
    write_speech(clip, folder, parrot, Colours(), nothing)
    parrot.sha256 = "2" * 64
    write_speech(clip, folder, parrot, Colours(), nothing)
    assert parrot.heard == 2
    path = folder / "speech.json"
    known = json.loads(path.read_text())
    assert known.pop("model_sha256") == "2" * 64
    path.write_text(json.dumps(known))  # as an older version wrote it
    write_speech(clip, folder, parrot, Colours(), nothing)
    assert parrot.heard == 3


def test_model_is_known_by_all_of_its_files(tmp_path):
    names = ("config.json", "model.bin", "tokenizer.json", "vocabulary.txt")
    for name in names:
        (tmp_path / name).write_text("1")
    found = {model_sha256(tmp_path)}
    (tmp_path / "README.md").write_text("no part of the model")
    assert found == {model_sha256(tmp_path)}
    for name in names:
        (tmp_path / name).write_text("2")
        found.add(model_sha256(tmp_path))
    assert len(found) == 5


def test_clip_without_sound_is_one_line_and_has_no_words(folder, tmp_path, capsys):
    mute = write_clip(tmp_path / "mute.mp4", [grey(90)] * 5)
    write_speech(mute, folder, Parrot(), Colours(), nothing)
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"{mute}: The clip has no sound track, so no words were recognised."
    view = view_speech(folder, pd.read_parquet(folder / PARQUET))
    assert (view.count, view.shares, len(view.how.notes)) == (0, None, 1)


def test_folder_without_speech_has_no_part_on_the_page(folder):
    assert view_speech(folder, pd.read_parquet(folder / PARQUET)) is None


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"language": "en"}, "--language needs --speech; got en without it"),
        ({"lexicon": "mine.csv"}, "--lexicon needs --speech"),
        ({"model": "whisper"}, "--speech-model needs --speech"),
    ],
)
def test_options_of_speech_need_it(options, reason):
    with pytest.raises(InputError, match=reason):
        load_ears(**{"speech": False, "model": None, "lexicon": None, "language": "", **options})


@pytest.mark.parametrize(
    ("no_speech", "log_probability", "compression", "kept"),
    [
        (0.12, -0.4, 1.2, True),
        (0.09, -0.19, 2.7, True),  # a sentence that is really said twice
        (0.1, -0.1, 13.1, False),  # measured on noise without the detector of voices: a loop
        (0.75, -0.63, 1.9, False),  # the same, on music
        (0.1, -1.5, 1.2, False),
    ],
)
def test_passages_that_whisper_doubts_are_dropped(
    monkeypatch, no_speech, log_probability, compression, kept
):
    vad = pytest.importorskip("faster_whisper.vad")
    monkeypatch.setattr(vad, "get_speech_timestamps", lambda samples, options: [{}])
    word = SimpleNamespace(start=np.float64(0.5), end=np.float64(0.7), word=" Yes.", probability=1)
    segment = SimpleNamespace(
        no_speech_prob=no_speech,
        avg_logprob=log_probability,
        compression_ratio=compression,
        words=[word],
    )
    listener = object.__new__(Listener)
    listener.language = ""
    listener._model = SimpleNamespace(
        transcribe=lambda samples, **options: (iter([segment]), SimpleNamespace(language="en"))
    )
    heard = listener.hear(np.zeros(RATE, np.float32))
    assert heard == (Heard("en", (Word(0.5, 0.7, "Yes.", 1, 0),)) if kept else Heard("", ()))


def test_folder_without_a_model_is_refused_before_anything_is_loaded(tmp_path):
    pytest.importorskip("faster_whisper")
    with pytest.raises(InputError, match=r"no such folder\. Download one once") as caught:
        Listener(tmp_path / "none")
    assert "\n" not in str(caught.value)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"model\.bin, tokenizer\.json missing"):
        Listener(tmp_path)
    for name in ("model.bin", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"cut short")
    with pytest.raises(InputError, match=r"expected a Whisper model in the form") as caught:
        Listener(tmp_path)
    assert "\n" not in str(caught.value)


def test_empty_cache_is_one_line(tmp_path, monkeypatch):
    pytest.importorskip("faster_whisper")
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="the local cache has none") as caught:
        Listener(None)
    assert "\n" not in str(caught.value)
