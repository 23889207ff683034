"""Which faces are kept, the votes, and that copies are recognised."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from datasets.faceset import FaceSet, Split
from datasets.labels import FER7, FERPLUS8, translate
from fer_models.contract import Contract
from fer_models.generator.novelty import Novelty, correlation, nearest
from fer_models.generator.selection import (
    SELECTORS,
    VOTERS,
    cast_votes,
    choose,
    examples,
    intended_probability,
    probabilities,
)
from fer_models.keras_classifier import KerasClassifier, wrap
from fer_models.zoo import model_ids

RNG = np.random.default_rng(0)


def classifier(scheme_size: int) -> KerasClassifier:
    images = keras.Input((6, 6, 1))
    x = keras.layers.Dense(5)(keras.layers.Flatten()(images))
    net = keras.Model(images, keras.layers.Dense(scheme_size, name="logits")(x), name="tiny")
    return wrap(net, Contract(6, 6, 1, FER7 if scheme_size == 7 else FERPLUS8))


def faces(count: int, seed: int) -> FaceSet:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 6, 6, 1), dtype=np.uint8)
    return FaceSet("f", Split.TRAINING, images, np.arange(count), fer=rng.integers(0, 7, count))


def test_ten_shipped_classifiers_vote() -> None:
    assert len(set(VOTERS)) == 10
    assert {*VOTERS, *SELECTORS} <= set(model_ids())


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
def test_nearest_is_the_smallest_distance(count: int, others: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, seen = (rng.random((n, 12), dtype=np.float32) for n in (count, others))
    assert nearest(rows, seen) == pytest.approx(cdist(rows, seen).min(axis=1), abs=1e-3)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
def test_correlation_is_pearsons(count: int, others: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, seen = (rng.random((n, 12), dtype=np.float32) for n in (count, others))
    table = np.corrcoef(rows, seen)[:count, count:]
    assert correlation(rows, seen) == pytest.approx(table.max(axis=1), abs=1e-3)


def test_near_copies_among_the_others_do_not_lower_the_limits() -> None:
    training, others, net = faces(60, 0), faces(200, 1), classifier(7)
    copies = training.take(np.arange(60) < 50)
    darker = (copies.images[:, :, ::-1] * 0.9).astype(np.uint8)
    images = np.concatenate([others.images, darker])
    count = len(images)
    mixed = FaceSet("m", Split.TRAINING, images, np.arange(count), fer=np.zeros(count, int))
    assert Novelty(training, mixed, net).limits == pytest.approx(
        Novelty(training, others, net).limits
    )


def test_copies_and_mirrored_copies_are_no_new_faces() -> None:
    training = faces(60, 0)
    novelty = Novelty(training, faces(200, 1), classifier(7))
    copies = training.images[:20]
    noise = RNG.integers(-2, 3, copies.shape)
    near = np.clip(copies[:, :, ::-1].astype(int) + noise, 0, 255).astype(np.uint8)
    for images in (copies, near):
        assert not novelty.distances(images).beyond(novelty.limits).any()
    new = novelty.distances(faces(400, 2).images)
    # Each limit alone lets 95 % of new faces pass, less those that resemble a mirrored face.
    assert 0.75 < new.beyond(novelty.limits).mean() < 0.98
    assert 0.85 < (new.pixels > novelty.limits.pixels).mean() < 0.99


def test_fer_probabilities_stand_under_the_ferplus_names() -> None:
    images = faces(9, 3).images
    seven = classifier(7)
    wide = probabilities(seven, images)
    assert wide.sum(axis=1) == pytest.approx(np.ones(9))
    answered = seven.predict(images.astype(np.float32) / 255)
    assert wide.argmax(axis=1).tolist() == translate(answered, FER7, FERPLUS8).tolist()
    assert probabilities(classifier(8), images).shape == (9, 8)


def test_a_face_counts_only_where_the_mean_says_its_class() -> None:
    happy, sad = np.eye(8)[1], np.eye(8)[3]
    unsure = 0.6 * happy + 0.4 * sad
    answers = [np.stack([happy, unsure, sad]), np.stack([unsure, sad, sad])]
    # Intended: happy (FER class 3), for all three; of the second face it has 0.3, sad 0.7.
    assert intended_probability(answers, np.array([3, 3, 3])).tolist() == pytest.approx([0.8, 0, 0])


def test_the_surest_faces_of_each_class_are_chosen() -> None:
    classes = np.repeat(np.arange(7), 4)
    agreement = np.tile([0.5, 0.9, 0.7, 0.8], 7)
    agreement[1::4] = 0
    assert choose(agreement, classes, 2)[:4].tolist() == [2, 3, 6, 7]
    with pytest.raises(ValueError, match="Received: 3 for angry"):
        choose(agreement, classes, 4)


def test_votes_follow_the_probabilities() -> None:
    sure = np.tile(np.eye(8)[[2]], (4000, 1))
    torn = np.tile([0.25, 0.75, 0, 0, 0, 0, 0, 0], (4000, 1))
    votes = cast_votes([sure, torn], np.random.default_rng(0))
    assert votes.shape == (4000, 10) and votes.dtype == np.uint8
    assert (votes.sum(axis=1) == 2).all() and (votes[:, 2] == 1).all()
    assert votes[:, 1].mean() == pytest.approx(0.75, abs=0.03)


def test_examples_are_faces_whose_votes_share_the_label() -> None:
    votes = np.zeros((3, 10), np.uint8)
    votes[[0, 1, 2], [1, 3, 1]] = 10
    three = FaceSet(
        "f", Split.TRAINING, faces(3, 0).images, np.arange(3), np.array([3, 3, 3]), votes
    )
    told = examples(three, np.full(20, 3), np.random.default_rng(0))
    assert told.shape == (20, 15)
    assert (told[:, 3] == 1).all() and (told[:, 7 + 1] == 1).all()
