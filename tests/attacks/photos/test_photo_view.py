"""Faces attacked inside a photograph: the view is the real crop, the rest stays as it was."""

import cv2
import numpy as np
import pytest

from attacks.base import Keys
from attacks.pgd import PGD
from attacks.photos.view import VIEWS, PhotoView, View, attack_faces, attack_frame
from attacks.threat_model import Norm
from faces.box import Box
from faces.crop import crop_faces
from tests.attacks import tiny

NOISE = np.random.default_rng(0).standard_normal((130, 150, 3))
PHOTO = np.clip(128 + 900 * cv2.GaussianBlur(NOISE, (0, 0), 9), 60, 200).astype(np.uint8)
NONE = np.zeros(3)
GREY = tiny.conv(3, (48, 48, 1))


def small(image, frame):
    return crop_faces(image, [frame]).astype(np.float32) / 255


@pytest.mark.parametrize("classifier", [GREY, tiny.conv(3, (64, 64, 1))])
@pytest.mark.parametrize("side", [30, 48, 71, 96])
def test_the_plain_view_is_the_crop_that_a_classifier_gets(side, classifier):
    view = PhotoView(classifier, side + 20, 10, NONE, views=(View(),))
    frame = Box(20, 17, side, side)
    square = PHOTO[None, 7 : 27 + side, 10 : 30 + side]
    logits = view.logits(square.astype(np.float32) / 255)
    # Both round: the crop to 8 bits in grey and in size.
    crop = crop_faces(PHOTO, [frame], classifier.face_side).astype(np.float32) / 255
    np.testing.assert_allclose(logits, classifier.logits(crop), atol=0.05)


@pytest.mark.parametrize("shifted", [View(right=0.1), View(down=-0.1), View(scale=1.1)])
def test_a_displaced_view_is_the_crop_of_a_displaced_frame(shifted):
    view = PhotoView(GREY, 80, 10, NONE, views=(shifted,))
    square = PHOTO[None, 20:100, 30:110].astype(np.float32) / 255
    side = 60 * shifted.scale
    frame = Box(
        40 + 60 * shifted.right - (side - 60) / 2,
        30 + 60 * shifted.down - (side - 60) / 2,
        side,
        side,
    )
    np.testing.assert_allclose(view.logits(square), GREY.logits(small(PHOTO, frame)), atol=0.05)


def test_only_the_frame_and_its_margin_change_and_by_no_more_than_eps():
    frame = Box(40, 30, 50, 50)
    attack = PGD(norm=Norm.LINF, eps=8 / 255, steps=3)
    label = int(GREY.predict(small(PHOTO, frame))[0])
    changed = attack_frame(GREY, PHOTO, frame, label, attack, Keys(0, np.array([0])))
    difference = np.abs(changed.astype(int) - PHOTO)
    assert 0 < difference.max() <= 8
    difference[30 - 4 : 80 + 4, 40 - 4 : 90 + 4] = 0
    assert not difference.any()


def test_the_attack_holds_in_8_bits_and_in_all_displaced_frames():
    frame = Box(40, 30, 60, 60)
    label = int(GREY.predict(small(PHOTO, frame))[0])
    attack = PGD(norm=Norm.LINF, eps=24 / 255, steps=20)
    changed = attack_faces(GREY, PHOTO, [frame], np.array([label]), attack)
    for right, down, scale in VIEWS:
        side = 60 * scale
        moved = Box(40 + 60 * right - (side - 60) / 2, 30 + 60 * down - (side - 60) / 2, side, side)
        assert GREY.predict(small(changed, moved))[0] != label


def test_a_frame_beyond_the_border_is_attacked_inside_the_photograph():
    frame = Box(-20, -15, 60, 60)
    label = int(GREY.predict(small(PHOTO, frame))[0])
    attack = PGD(norm=Norm.LINF, eps=24 / 255, steps=5)
    changed = attack_faces(GREY, PHOTO, [frame], np.array([label]), attack)
    assert changed.shape == PHOTO.shape
    assert (changed != PHOTO).any()


@pytest.mark.parametrize(("eps", "levels"), [(8, 8), (2.6, 2)])
def test_no_pixel_moves_by_more_than_eps_where_frames_overlap(eps, levels):
    """Both faces push the pixels that they share, and files hold whole levels."""
    frames = [Box(30, 30, 60, 60), Box(50, 40, 50, 50)]
    labels = GREY.predict(crop_faces(PHOTO, frames).astype(np.float32) / 255)
    attack = PGD(norm=Norm.LINF, eps=eps / 255, steps=3)
    changed = attack_faces(GREY, PHOTO, frames, labels, attack)
    assert np.abs(changed.astype(int) - PHOTO).max() == levels
