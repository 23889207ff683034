"""Attacks on one part of a face stay in it, and find what hangs on it."""

import numpy as np
import pytest
from keras import ops

from attacks import regional
from attacks.base import Keys
from attacks.pgd import PGD
from attacks.regional import REGIONAL, EyesPGD, GlassesPGD, MouthPGD, region_maps
from attacks.threat_model import Norm
from faces.regions import Region
from tests.attacks import tiny

SHAPE = (48, 48, 1)
FACES = tiny.images(6, SHAPE)
KEYS = Keys(0, np.arange(6))


@pytest.fixture(autouse=True)
def bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regions are five bands, the eyes on top, so that the mesh has no part in these tests."""
    numbers = np.repeat(np.arange(5), [10, 10, 10, 10, 8])
    bands = np.broadcast_to(np.eye(5, dtype=bool)[numbers].T[None, :, :, None], (1, 5, 48, 48))
    monkeypatch.setattr(
        regional, "region_masks", lambda points, shape: np.repeat(bands, len(points), axis=0)
    )


def looks_at(rows: slice) -> tiny.FunctionClassifier:
    """Class 1 where those rows are brighter than grey on average."""

    def logits(pixels):
        mean = ops.mean(pixels[:, rows], axis=(1, 2, 3))[:, None]
        return (mean - 0.5) * np.array([[-1, 1]], np.float32)

    return tiny.FunctionClassifier(logits, 2)


@pytest.mark.parametrize("attack", REGIONAL, ids=lambda attack: attack.name)
@pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])
def test_nothing_changes_outside_the_region(attack, norm) -> None:
    classifier = tiny.conv(3, SHAPE)
    labels = classifier.predict(FACES)
    found = attack(norm=norm, eps=0.2, steps=3, restarts=2)(classifier, FACES, labels, KEYS)
    changed = (found.images != FACES)[..., 0]
    inside = region_maps(FACES) == list(Region).index(attack.region)
    assert changed.any(axis=(1, 2)).all()
    assert not (changed & ~inside).any()


def test_only_the_part_a_classifier_looks_at_breaks_it() -> None:
    classifier = looks_at(slice(30, 40))  # the mouth's band
    labels = classifier.predict(FACES)
    mouth, eyes = (attack(norm=Norm.LINF, eps=0.1, steps=5) for attack in (MouthPGD, EyesPGD))
    assert mouth(classifier, FACES, labels, KEYS).success.all()
    assert not eyes(classifier, FACES, labels, KEYS).success.any()


def test_a_part_is_never_more_vulnerable_than_the_whole_linear_face() -> None:
    classifier = tiny.linear(2, SHAPE)
    labels = classifier.predict(FACES)
    whole = PGD(norm=Norm.LINF, eps=0.01)(classifier, FACES, labels, KEYS).success
    for attack in REGIONAL:
        part = attack(norm=Norm.LINF, eps=0.01)(classifier, FACES, labels, KEYS).success
        assert not (part & ~whole).any()


def test_the_mesh_finds_the_parts_of_a_face(monkeypatch: pytest.MonkeyPatch) -> None:
    from skimage.data import astronaut
    from skimage.transform import resize

    monkeypatch.undo()
    face = resize(astronaut()[70:180, 170:280].mean(axis=2), (48, 48)) / 255
    found = region_maps(face.astype(np.float32)[None, ..., None])[0]
    rows = [np.nonzero(found == index)[0].mean() for index in range(4)]
    eyes, brows, nose, mouth = rows
    assert brows < eyes < nose < mouth
    assert (found == 4).mean() > 0.3


def test_images_too_small_for_the_mesh_have_the_mean_shape(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    maps = region_maps(tiny.images(2))
    assert maps.shape == (2, 8, 8)
    assert np.array_equal(maps[0], maps[1])
    assert len(np.unique(maps)) > 2


def test_glasses_stay_on_their_frame() -> None:
    classifier = tiny.conv(3, SHAPE)
    attack = GlassesPGD(norm=Norm.LINF, eps=1.0, steps=3)
    found = attack(classifier, FACES, classifier.predict(FACES), KEYS)
    changed = (found.images != FACES)[..., 0]
    assert 0.02 < changed.mean() < 0.15
    assert not changed[:, 30:].any()  # far below the eyes
