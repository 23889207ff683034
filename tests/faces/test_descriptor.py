"""dlib's net: one face is close to itself in other light, mirrored or turned; errors in a line."""

import sys
from importlib.util import find_spec
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from datasets.base.errors import InputError
from faces import descriptor
from faces.descriptor import LENGTH, SIDE, FaceDescriber
from faces.detectors import make_detector
from faces.landmarks import FaceMesh

installed = pytest.mark.skipif(
    not (find_spec("dlib") and find_spec("face_recognition_models")), reason="extra people"
)


def crop(describer, image):
    detector = make_detector("blazeface")
    (box,) = detector.detect(image)
    marks = FaceMesh().locate(image, [detector.frame(box)])
    assert marks.found.all()
    return describer.crop(image, marks.points[0])


@installed
def test_pictures_of_one_person_are_close():
    portrait = np.ascontiguousarray(astronaut()[:256, 96:352])
    turn = cv2.getRotationMatrix2D((128, 128), 20, 1)
    pictures = [
        portrait,
        np.ascontiguousarray(portrait[:, ::-1]),
        (portrait * 0.6).astype(np.uint8),
        cv2.warpAffine(portrait, turn, (256, 256), borderMode=cv2.BORDER_REPLICATE),
    ]
    describer = FaceDescriber()
    crops = np.stack([crop(describer, picture) for picture in pictures])
    assert crops.shape == (4, SIDE, SIDE, 3) and crops.dtype == np.uint8
    found = describer.describe(crops)
    assert found.shape == (4, LENGTH)
    assert np.linalg.norm(found - found[0], axis=1).max() < 0.4
    assert describer.describe(crops[:0]).shape == (0, LENGTH)


def test_missing_dlib_is_a_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(InputError, match=r"dlib, which is not installed: pip install -e '\.\["):
        FaceDescriber()


def test_missing_or_other_weights_are_a_line(monkeypatch, tmp_path):
    pytest.importorskip("dlib")
    monkeypatch.setattr(descriptor, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"face_recognition_models; found no such package"):
        FaceDescriber()
    (tmp_path / "models").mkdir()
    file = tmp_path / "models" / "dlib_face_recognition_resnet_model_v1.dat"
    file.write_bytes(b"other")
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(descriptor, "find_spec", lambda name: spec)
    with pytest.raises(InputError, match=r"expected the weights with SHA-256 55533b28a958"):
        FaceDescriber()
