"""Planted clips: what they show, when, and that no face serves twice."""

import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.faceset import FaceSet, Split
from datasets.labels import FERPLUS8, NO_LABEL
from evaluation.readings.planted import RATE, SEGMENTS, plant_clips
from tests.evaluation import tiny


def faces(count=60):
    """Each face has one grey level of its own, so that frames tell which one they show."""
    labels = np.arange(count) % 7
    greys = np.linspace(20, 235, count).round().astype(np.uint8)
    images = np.broadcast_to(greys[:, None, None, None], (count, 48, 48, 1)).copy()
    return FaceSet("toy", Split.TEST, images, np.arange(count), labels)


@pytest.fixture(scope="module")
def clips():
    return plant_clips(faces(), 3, seed=1)


def test_each_frame_shows_the_face_of_its_label(clips):
    greys = faces().images[:, 0, 0, 0].astype(float)
    for clip in clips:
        means = clip.crops[48].mean(axis=(1, 2, 3))
        for label in np.unique(clip.shows):
            assert label in range(7)
        sure = clip.labels.values != NO_LABEL
        nearest = np.abs(means[:, None] - greys).argsort(axis=1)[:, :9] % 7
        assert (nearest == clip.labels.values[:, None]).any(axis=1)[sure].mean() > 0.95
        assert (clip.labels.values[sure] == clip.shows[sure]).all()


def test_labels_change_in_the_middle_of_a_fade_that_does_not_count(clips):
    for clip in clips:
        changes = np.flatnonzero(np.diff(clip.shows)) + 1
        assert len(changes) == SEGMENTS - 1
        assert clip.seconds[-1] == pytest.approx(len(clip.seconds) / RATE - 1 / RATE)
        for change in changes:
            fade = clip.labels.values[change - 2 : change + 2]
            assert (fade == NO_LABEL).all()
            assert clip.labels.values[change - 6] != NO_LABEL != clip.labels.values[change + 6]


def test_frames_move_and_have_noise_but_stay_the_same_face(clips):
    still = clips[0].crops[48][:20].astype(float)
    assert 0 < np.abs(np.diff(still, axis=0)).mean() < 12
    assert clips[0].crops[48].dtype == np.uint8


def test_clips_are_the_same_for_the_same_seed_and_differ_else():
    again, other = plant_clips(faces(), 3, seed=1), plant_clips(faces(), 3, seed=2)
    first = plant_clips(faces(), 3, seed=1)
    assert all((a.crops[48] == b.crops[48]).all() for a, b in zip(first, again))
    assert not (first[0].crops[48] == other[0].crops[48]).all()


def test_models_of_other_classes_are_told_the_same_emotions(clips):
    model = tiny.classifier(FERPLUS8)
    images = clips[0].images(model)[:, ::6, ::6]
    logits = model.logits(np.ascontiguousarray(images))
    expected, scored = clips[0].expected(model, logits)
    names = np.array(clips[0].labels.scheme.emotions)[clips[0].shows]
    assert (np.array(FERPLUS8.emotions)[expected] == names).all()
    assert (scored == (clips[0].labels.values != NO_LABEL)).all()


def test_faces_with_contradicting_labels_or_leaked_are_not_shown():
    votes = np.zeros((60, 10), np.uint8)
    votes[:, 0] = 10  # FER+: all neutral
    plain = faces()
    contradicting = FaceSet("toy", plain.split, plain.images, plain.row_ids, plain.fer, votes)
    with pytest.raises(InputError, match="two labels or more"):
        plant_clips(contradicting, 1, seed=0)
    leaked = np.arange(60) >= 7
    leaking = FaceSet(
        "toy", plain.split, plain.images, plain.row_ids, plain.fer, None, leaked=leaked
    )
    assert plant_clips(leaking, 1, seed=0)
    with pytest.raises(InputError, match="--planted 2 needs 8 faces"):
        plant_clips(leaking, 2, seed=0)
