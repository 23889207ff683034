"""From a clip to rows: what they hold, that they agree with `predict`, and that they resume."""

from dataclasses import replace
from threading import Event, Timer

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from datasets.base.errors import InputError
from faces.detectors import make_detector
from faces.video import Frame
from fer_models.face_predictions import predict_faces
from live.settings import Settings
from live.video import parts as parts_module
from live.video import read_clip as read_clip_module
from live.video.clip import open_clip
from live.video.find import FaceFinder
from live.video.label import Labeller
from live.video.read_clip import ClipReader
from tests.live.video.conftest import FRAMES, GONE
from tests.live.video.made_clips import grey, write_clip


class KilledError(Exception):
    """Stands for a kill: nobody catches it."""


def read(reader, clip, folder, progress=lambda done, total: None):
    folder.mkdir(exist_ok=True)
    parts = reader.parts_in(folder)
    with open_clip(clip) as opened:
        frames, notes = reader.read(opened, parts, progress)
    parts.join()
    return frames, notes


@pytest.fixture(scope="module")
def table(reader, clip, tmp_path_factory):
    folder = tmp_path_factory.mktemp("read")
    assert read(reader, clip, folder) == (FRAMES, [])
    return pd.read_csv(folder / "faces.csv")


def test_every_frame_has_a_row(table):
    assert table["frame"].tolist() == list(range(FRAMES))
    assert table["seconds"].tolist() == pytest.approx(np.arange(FRAMES) / 10)
    without = table[table["track"].isna()]
    assert without["frame"].tolist() == list(GONE)
    assert without.drop(columns=["frame", "seconds"]).isna().all(axis=None)


def test_face_keeps_its_track_through_the_gap(table):
    assert set(table["track"].dropna()) == {1}


def test_rows_agree_with_predict_on_the_same_frames(table, clip, models):
    detector = make_detector("blazeface")
    with open_clip(clip) as opened:
        for frame in opened.frames():
            row = table.loc[frame.index]
            for model, prefix in (("tiny.fer", ""), ("tiny.ferplus", "beside_")):
                found = predict_faces(frame.image, models.wait(model), detector)
                if frame.index in GONE:
                    assert found == []
                    continue
                (face,) = found
                assert row["x"] == pytest.approx(face.box.x, abs=0.01)
                assert row[f"{prefix}label"] == face.label
                for name, share in face.probabilities.items():
                    assert row[f"{prefix}{name}"] == pytest.approx(share, abs=1e-4)


def test_attacked_columns_are_of_the_attacked_faces(table, reader, clip, models):
    """Classified again, one by one, as each classifier answers to the attacked pixels."""
    with open_clip(clip) as opened:
        frame = next(opened.frames(3))
    (found,) = reader._finder.find(frame).faces
    (face,) = reader.labeller.label([found], [1])
    change = np.abs(face.attacked.astype(float) - face.clean)
    assert 0 < change.max() <= 4 / 255 * (1 + 1e-6)
    row = table.loc[3]
    assert (row["attack"], row["eps"]) == ("fgsm", 4)
    for model, prefix in (("tiny.fer", ""), ("tiny.ferplus", "beside_")):
        classifier = models.wait(model)
        classes = classifier.scheme.classes
        shares = softmax(classifier.logits(face.attacked[None])[0].astype(float))
        for name, share in zip(classes, shares):
            assert row[f"{prefix}attacked_{name}"] == pytest.approx(share, abs=1e-4)
        assert row[f"{prefix}attacked_label"] == classes[shares.argmax()]
        clean, after = row[f"{prefix}label"], row[f"{prefix}attacked_label"]
        assert row[f"{prefix}flipped"] == (clean != after)


def test_landmarks_are_measured(table):
    seen = table.dropna(subset="track")
    # The astronaut smiles with her teeth and looks into the camera.
    assert seen["mouth_open"].between(0.02, 0.5).all()
    assert seen["eye_aspect_ratio"].between(0.1, 0.5).all()
    assert (seen["blinks"] == 0).all()


def test_csv_and_parquet_hold_the_same(reader, clip, tmp_path):
    read(reader, clip, tmp_path)
    csv, parquet = pd.read_csv(tmp_path / "faces.csv"), pd.read_parquet(tmp_path / "faces.parquet")
    assert list(csv.columns) == list(parquet.columns)
    for name in csv.columns:
        if csv[name].notna().any() and pd.api.types.is_numeric_dtype(parquet[name]):
            np.testing.assert_array_equal(csv[name], parquet[name].astype(float))
    assert csv["label"].dropna().tolist() == parquet["label"].dropna().tolist()


@pytest.mark.parametrize("killed_at", [4, 6, 13, 18])
def test_killed_and_resumed_reading_equals_the_undisturbed_one(
    reader, clip, tmp_path, monkeypatch, killed_at
):
    monkeypatch.setattr(read_clip_module, "PART_FRAMES", 6)
    monkeypatch.setattr(read_clip_module, "BATCH_FRAMES", 2)
    monkeypatch.setattr("live.tracking.LONGEST_GAP", 0.1)  # a second track after the gap
    read(reader, clip, tmp_path / "whole")

    def kill(done, total):
        if done >= killed_at:
            raise KilledError

    with pytest.raises(KilledError):
        read(reader, clip, tmp_path / "killed", kill)
    kept = sorted((tmp_path / "killed" / "parts").glob("*"))
    assert len(kept) == (killed_at - 1) // 6
    before = [file.read_bytes() for file in kept]
    searched = []
    find = reader._finder.find

    def watched(frame):
        searched.append(frame.index)
        return find(frame)

    monkeypatch.setattr(reader._finder, "find", watched)
    resumed, folder = reader.parts_in(tmp_path / "killed"), tmp_path / "killed"
    with open_clip(clip) as opened:
        assert reader.read(opened, resumed, lambda done, total: None) == (FRAMES, [])
    assert [file.read_bytes() for file in kept] == before
    assert searched == list(range(6 * len(kept), FRAMES))
    resumed.join()
    for name in ("faces.csv", "faces.parquet"):
        assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not (folder / parts_module.FOLDER).exists()


def test_stopped_reading_ends_the_batch_that_it_has_begun_and_no_other(
    reader, clip, tmp_path, monkeypatch
):
    monkeypatch.setattr(read_clip_module, "BATCH_FRAMES", 2)
    begun, stopped, answers = [], Event(), reader._answers

    def slow(found, followed):
        begun.append(len(found))
        if len(begun) > 1:
            stopped.wait(30)
        return answers(found, followed)

    def stop(done, total):
        Timer(1, stopped.set).start()
        raise KeyboardInterrupt

    monkeypatch.setattr(reader, "_answers", slow)
    with pytest.raises(KeyboardInterrupt):
        read(reader, clip, tmp_path / "stopped", stop)
    assert len(begun) == 2


def test_clean_reading_has_no_attacked_columns(models, clip, tmp_path):
    labeller = Labeller(models, Settings(model="tiny.fer"))
    read(ClipReader(labeller, FaceFinder("blazeface", 40, labeller.sides)), clip, tmp_path)
    table = pd.read_csv(tmp_path / "faces.csv")
    attacked = [name for name in table.columns if name.startswith(("attacked_", "beside_"))]
    assert attacked == ["attacked_label"]
    assert table["attacked_label"].isna().all() and table["attack"].isna().all()


def test_rows_before_a_frame_that_cannot_be_searched_are_kept(reader, clip, tmp_path, monkeypatch):
    find = reader._finder.find

    def refuse_the_sixth(frame):
        if frame.index == 5:
            raise InputError("too small")
        return find(frame)

    monkeypatch.setattr(reader._finder, "find", refuse_the_sixth)
    frames, notes = read(reader, clip, tmp_path)
    assert frames == 5 and notes == ["Reading ended at 0.5 s: too small"]
    assert len(pd.read_csv(tmp_path / "faces.csv")) == 5


def test_large_frames_are_searched_shrunk_and_said(reader, tmp_path):
    path = write_clip(tmp_path / "wide.mp4", [grey(90, 2400, 64)] * 2, codec="mpeg4")
    _, notes = read(reader, path, tmp_path / "wide")
    assert notes == ["Frames of 2400x64 are searched for faces at 1920 pixels."]


def test_face_that_the_mesh_does_not_see_has_no_measures(reader, portrait, monkeypatch):
    frame = Frame(0, 0.0, portrait)
    assert reader._finder.find(frame).faces[0].measures is not None
    monkeypatch.setattr(reader._finder._mesh, "min_score", 2.0)
    assert reader._finder.find(frame).faces[0].measures is None


def test_boxes_of_shrunk_frames_are_in_their_own_pixels(reader, portrait):
    small = np.full((260, 480, 3), 128, np.uint8)
    small[:256, 96:352] = portrait
    large = cv2.resize(small, (2880, 1560), interpolation=cv2.INTER_CUBIC)
    ((one,), (two,)) = (reader._finder.find(Frame(0, 0.0, i)).faces for i in (small, large))
    assert two.box.iou(one.box.scaled(6)) > 0.85
    assert two.measures.mouth_wide == pytest.approx(one.measures.mouth_wide, rel=0.1)


def test_noise_on_a_face_is_the_same_in_every_frame(models, reader, clip):
    labeller = Labeller(models, Settings(model="tiny.fer", attack="noise", eps=8))
    with open_clip(clip) as opened:
        (found,) = reader._finder.find(next(opened.frames())).faces
    grey_face = replace(found, crops={48: np.full((48, 48, 1), 128, np.uint8)})
    one, again, other = labeller.label([grey_face] * 3, [1, 1, 2])
    np.testing.assert_array_equal(one.attacked, again.attacked)
    assert (one.attacked != other.attacked).any()


def test_second_model_of_another_face_size_is_refused_under_attack(models, monkeypatch):
    monkeypatch.setattr(models.wait("tiny.ferplus"), "face_side", 64)
    settings = Settings(model="tiny.fer", second="tiny.ferplus")
    assert Labeller(models, settings).sides == (48, 64)
    with pytest.raises(InputError, match="faces of one size"):
        Labeller(models, settings.model_copy(update={"attack": "fgsm"}))


def test_unknown_target_is_refused_before_a_clip_is_read(models):
    with pytest.raises(InputError, match="no class 'bored'"):
        Labeller(models, Settings(model="tiny.fer", attack="pgd", target="bored"))
