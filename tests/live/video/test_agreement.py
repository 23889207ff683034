"""Rows of a real clip agree with single calls of `fer_models.predict`'s code, frame by frame."""

import os
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest

from faces.detectors import make_detector
from faces.video import frames as opencv_frames
from fer_models import zoo
from fer_models.face_predictions import predict_faces
from live.model_loader import ModelLoader
from live.settings import Settings
from live.video.clip import open_clip
from live.video.find import FaceFinder
from live.video.label import Labeller
from live.video.read_clip import ClipReader

FOLDER = Path(os.environ.get("DEADPAN_VIDEO", Path(__file__).parents[4] / "shared" / "video"))
CLIP = FOLDER / "WolfgangLanger_Pexels.mp4"
CHECKED, HAAR_FRAMES = 20, 40


def beginning(frames, path):
    """The first frames of the clip, copied without encoding them again."""
    with av.open(str(CLIP)) as source, av.open(str(path), "w") as out:
        old = source.streams.video[0]
        new = out.add_stream_from_template(old)
        for packet in islice(source.demux(old), frames):
            packet.stream = new
            out.mux(packet)
    return path


@pytest.mark.slow
@pytest.mark.skipif(not CLIP.is_file(), reason="set DEADPAN_VIDEO to a folder with the clip")
@pytest.mark.parametrize("detector", ["blazeface", "haar"])
def test_probabilities_agree_to_a_ten_thousandth(detector, tmp_path):
    """The judge reads frames with OpenCV, loads its own classifier and predicts one at a time."""
    model = "vgg_small.ferplus"
    path = CLIP if detector == "blazeface" else beginning(HAAR_FRAMES, tmp_path / "start.mp4")
    labeller = Labeller(ModelLoader([model]), Settings(model=model, attack="fgsm"))
    reader = ClipReader(labeller, FaceFinder(detector, 40, labeller.sides))
    parts = reader.parts_in(tmp_path)
    with open_clip(path) as clip:
        reader.read(clip, parts, lambda done, total: None)
    parts.join()
    table = pd.read_csv(tmp_path / "faces.csv")
    count = table["frame"].max() + 1
    chosen = set(np.linspace(0, count - 1, CHECKED).astype(int).tolist())
    classifier, finder = zoo.load(model), make_detector(detector)
    compared = 0
    for frame in opencv_frames(path):
        if frame.index not in chosen:
            continue
        rows = table[(table["frame"] == frame.index) & table["track"].notna()]
        found = predict_faces(frame.image, classifier, finder)
        assert len(rows) == len(found)
        for (_, row), face in zip(rows.iterrows(), found):
            assert row["seconds"] == pytest.approx(frame.seconds, abs=1e-5)
            for name, share in face.probabilities.items():
                assert row[name] == pytest.approx(share, abs=1e-4)
                compared += 1
    assert compared >= CHECKED * 8 * 0.9
