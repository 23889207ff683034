"""A model that reads its weights from a file that changes: no reading holds rows of both."""

import json

import numpy as np
import pandas as pd
import pytest

from datasets.base.errors import InputError
from datasets.labels import FER7
from fer_models.classifier import Classifier
from fer_models.services.service import BudgetError
from live.model_loader import ModelLoader
from live.video import command
from live.video import read_clip as read_clip_module
from live.video.command import read_clips
from live.video.request import ReadingRequest
from live.video.same_models import FINGERPRINTS, SameModels


class FromFile(Classifier):
    """Predicts the class that a file names at each call; no hash knows of the file."""

    id, scheme, weights_sha256 = "code.fer", FER7, "c" * 64

    def __init__(self, weights):
        self.weights = weights

    def _batch_logits(self, images):
        return np.eye(7, dtype=np.float32)[[int(self.weights.read_text())] * len(images)]


class Drawn(FromFile):
    """Answers at random."""

    def _batch_logits(self, images):
        return np.random.default_rng().standard_normal((len(images), 7)).astype(np.float32)


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """The file; parts have five frames, and batches too."""
    path = tmp_path / "weights.txt"
    path.write_text("3")
    monkeypatch.setattr(read_clip_module, "PART_FRAMES", 5)
    monkeypatch.setattr(read_clip_module, "BATCH_FRAMES", 5)
    offer(monkeypatch, FromFile(path))
    return path


def offer(monkeypatch, classifier):
    models = ModelLoader([classifier.id])
    models.add(classifier)
    monkeypatch.setattr(command, "ModelLoader", lambda ids: models)


class KilledError(Exception):
    """Stands for a kill: nobody catches it."""


def kill_after_a_part(monkeypatch):
    add = read_clip_module.Parts.add

    def last(parts, rows):
        add(parts, rows)
        raise KilledError

    monkeypatch.setattr(read_clip_module.Parts, "add", last)


def read(clip, out, resume=False):
    request = ReadingRequest(clips=[clip], out=out, model="code.fer", resume=resume)
    read_clips(request, [clip], lambda clip, folder: None)
    return pd.read_csv(out / clip.stem / "faces.csv")["label"].dropna()


def test_resume_refuses_other_weights_and_goes_on_with_the_same(clip, tmp_path, weights):
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KilledError):
        kill_after_a_part(patch)
        read(clip, tmp_path / "out")
    weights.write_text("0")
    with pytest.raises(InputError, match=r"code\.fer gives other logits than when the") as caught:
        read(clip, tmp_path / "out", resume=True)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "moving" / "faces.csv").exists()
    weights.write_text("3")
    assert set(read(clip, tmp_path / "out", resume=True)) == {"happy"}
    weights.write_text("0")  # also where nothing is missing: its rows are of another model
    with pytest.raises(InputError, match="gives other logits than when the reading began"):
        read(clip, tmp_path / "out", resume=True)


def test_weights_that_change_meanwhile_end_the_reading_for_good(
    clip, tmp_path, weights, monkeypatch
):
    add = read_clip_module.Parts.add
    monkeypatch.setattr(
        read_clip_module.Parts, "add", lambda *parts: (add(*parts), weights.write_text("0"))
    )
    with pytest.raises(InputError, match=r"code\.fer.*rows are of several models.*delete"):
        read(clip, tmp_path / "out")
    assert not (tmp_path / "out" / "moving" / "faces.csv").exists()
    weights.write_text("3")
    with pytest.raises(InputError, match="gives other logits than when the reading began"):
        read(clip, tmp_path / "out", resume=True)


@pytest.mark.parametrize("data", ["", "[]", '{"code.fer": [["a"]]}', "[" * 100_000])
def test_damaged_fingerprints_are_one_line(clip, tmp_path, weights, data):
    read(clip, tmp_path / "out")
    (tmp_path / "out" / "moving" / FINGERPRINTS).write_text(data)
    with pytest.raises(InputError, match=r"fingerprints\.json: expected the logits") as caught:
        read(clip, tmp_path / "out", resume=True)
    assert "\n" not in str(caught.value)


def test_model_that_answers_at_random_is_not_compared(clip, tmp_path, weights, monkeypatch):
    offer(monkeypatch, Drawn(weights))
    read(clip, tmp_path / "out")
    read(clip, tmp_path / "out", resume=True)
    assert not (tmp_path / "out" / "moving" / FINGERPRINTS).exists()


def test_service_that_may_not_be_asked_any_more_is_a_note(clip, tmp_path, weights, monkeypatch):
    ask = SameModels._ask

    def refuse(models, model, draw=""):
        if draw == "at the end":
            raise BudgetError("The budget is spent.")
        return ask(models, model, draw)

    monkeypatch.setattr(SameModels, "_ask", refuse)
    read(clip, tmp_path / "out")
    (note,) = json.loads((tmp_path / "out" / "moving" / "reading.json").read_text())["notes"]
    assert note.startswith("Whether code.fer gives the same answers") and note.endswith("spent.")
