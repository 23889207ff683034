"""Labelled photographs whose faces a detector cuts out."""

import numpy as np
import pytest
from PIL import Image

from datasets.base.errors import InputError
from datasets.data_options import DataOptions
from datasets.default_data import data_or_default
from faces.labelled import face_finder, open_faces
from tests.faces.conftest import FACE


def test_the_largest_face_is_cut_out_and_photographs_without_one_are_counted(tmp_path, portrait):
    folder = tmp_path / "test" / "happy"
    folder.mkdir(parents=True)
    Image.fromarray(portrait).save(folder / "0.png")
    Image.fromarray(np.full_like(portrait, 90)).save(folder / "1.png")
    Image.fromarray(portrait[..., 0]).save(folder / "2.png")
    source = open_faces(DataOptions(data=tmp_path, crop="haar", size=64))
    assert source.images.shape == (2, 64, 64, 3)
    assert source.row_ids.tolist() == [0, 2]
    assert "2 faces cut out by the detector, 1 images without a face left out" in source.notes
    frame = face_finder("haar")(portrait)
    assert frame is not None
    center = np.array(FACE.center)
    assert np.abs(np.array([frame.left, frame.top]) + frame.side / 2 - center).max() < 25
    cut = Image.fromarray(portrait).crop(
        tuple(
            round(v)
            for v in (frame.left, frame.top, frame.left + frame.side, frame.top + frame.side)
        )
    )
    shown = np.asarray(cut.resize((64, 64), Image.Resampling.BILINEAR), float)
    assert np.abs(shown - source.images[0]).mean() < 3


def test_an_unknown_detector_is_refused_before_any_data_are_read(tmp_path):
    with pytest.raises(InputError, match="no detector 'har'; choose one of haar"):
        open_faces(DataOptions(data=tmp_path / "nowhere", crop="har"))


def test_the_default_data_are_the_sample(monkeypatch, tmp_path):
    monkeypatch.delenv("DEADPAN_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert str(data_or_default(None)) == "sample"
    assert open_faces(DataOptions()).name == "generated sample"
