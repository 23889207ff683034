import importlib.util
import sys

import numpy as np
import pytest

from datasets.base.errors import InputError
from faces.box import Box
from faces.detector import Detector
from faces.detectors import DETECTORS, make_detector
from tests.faces.conftest import FACE

EXTRAS = {"hog": "dlib", "mtcnn": "mtcnn"}


def installed(names):
    """MTCNN imports TensorFlow, which takes seconds: it is slow."""
    for name in names:
        missing = name in EXTRAS and importlib.util.find_spec(EXTRAS[name]) is None
        marks = [pytest.mark.skipif(missing, reason="extra not installed")]
        yield pytest.param(name, marks=[*marks, pytest.mark.slow] if name == "mtcnn" else marks)


class Fixed(Detector):
    name = "fixed"

    def _find(self, image):
        yield from (Box(0, 0, 50, 50, 1), Box(-10, 0, 60, 60, 2), Box(5, 0, 50, 50, 3))
        yield Box(0, 0, 10, 80, 9)


def test_base_class_clips_drops_the_small_and_sorts():
    boxes = Fixed(min_size=20).detect(np.zeros((100, 100, 3), np.uint8))
    # areas 50 x 60 = 3000 after clipping, then two of 2500: the surer one first
    assert [box.score for box in boxes] == [2, 3, 1]
    assert boxes[0].x == 0


@pytest.mark.parametrize("name", list(installed(DETECTORS)))
def test_finds_the_astronaut_and_nobody_in_noise(name, portrait):
    detector = make_detector(name)
    (box, *_) = detector.detect(portrait)
    assert box.iou(FACE) > 0.5
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    assert detector.detect(noise) == []
    assert detector.detect(np.zeros((120, 160, 3), np.uint8)) == []
    assert make_detector(name, min_size=400).detect(portrait) == []


def test_both_eyes(portrait):
    detector = make_detector(both_eyes=True)
    (box,) = detector.detect(portrait)
    assert box.iou(FACE) > 0.5
    assert detector.frame(box) == make_detector().frame(box)
    covered = portrait.copy()
    covered[80:120, 222:275] = covered[130, 240]  # the eye on the right of the image
    assert detector.detect(covered) == []


@pytest.mark.parametrize(
    ("image", "hint"),
    [
        (np.zeros((64, 64), np.uint8), "np.repeat"),
        (np.zeros((64, 64, 1), np.uint8), "np.repeat"),
        (np.zeros((64, 64, 4), np.uint8), "alpha"),
        (np.zeros((64, 64, 3), np.float32), "Scale floats by 255"),
        (np.zeros((2, 64, 64, 3), np.uint8), "(2, 64, 64, 3)"),
    ],
)
def test_refuses_other_arrays(image, hint):
    with pytest.raises(ValueError, match="uint8 RGB") as error:
        Fixed().detect(image)
    assert hint in str(error.value)


@pytest.mark.parametrize("shape", [(8, 64, 3), (64, 15, 3), (20_000, 20_000, 3)])
def test_refuses_tiny_and_huge_images(shape):
    with pytest.raises(InputError, match="at least 16x16 and at most 40 million"):
        Fixed().detect(np.broadcast_to(np.uint8(0), shape))


def test_refuses_an_unknown_detector_and_a_smallest_size_of_nothing():
    with pytest.raises(InputError, match="no detector 'ssd'; choose one of haar"):
        make_detector("ssd")
    with pytest.raises(ValueError, match="`min_size`"):
        Fixed(min_size=0)


@pytest.mark.parametrize("search", [{"name": "blazeface"}, {"min_size": 20}])
def test_images_that_are_faces_are_not_searched(search):
    assert make_detector(whole=True).detect(np.zeros((50, 50, 3), np.uint8))[0].width == 50
    with pytest.raises(InputError, match=r"--whole takes images as they are.*Leave these out"):
        make_detector(whole=True, **search)


@pytest.mark.parametrize("name", EXTRAS)
def test_says_which_extra_is_missing(name, monkeypatch):
    monkeypatch.setitem(sys.modules, EXTRAS[name], None)
    with pytest.raises(InputError, match=rf"-e '\.\[{name}\]'"):
        make_detector(name)
